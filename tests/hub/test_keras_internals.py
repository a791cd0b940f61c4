"""The private names of Keras that tfzoo uses; where an upgrade of Keras fails first."""

import keras
import pytest
from keras.src.saving import serialization_lib

ANEW = "Keras has changed what tfzoo.hub.hub_layer uses of its inside; find another way there"


def test_safe_mode_is_told_while_a_model_is_loaded():
    assert hasattr(serialization_lib, "in_safe_mode"), ANEW
    assert serialization_lib.in_safe_mode() is None, ANEW
    for safe_mode in (True, False):
        with serialization_lib.SafeModeScope(safe_mode):
            assert serialization_lib.in_safe_mode() is safe_mode, ANEW


@pytest.mark.parametrize("marked", [True, False])
def test_marked_errors_are_left_as_they_are(marked):
    class Failing(keras.layers.Layer):
        def call(self, inputs):
            error = ValueError("a sentence")
            if marked:
                error._keras_call_info_injected = True
            raise error

    with pytest.raises(ValueError, match="a sentence") as raised:
        Failing()(keras.ops.ones(2))
    assert (str(raised.value) == "a sentence") is marked, ANEW
