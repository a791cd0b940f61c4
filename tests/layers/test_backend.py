"""Settings of the whole process are given back."""

import threading

import tensorflow as tf

from tfzoo.layers.backend import fused_products


def test_threads_give_back_what_was_there_before_them():
    is_inside, may_leave = threading.Event(), threading.Event()

    def other():
        with fused_products(False):
            is_inside.set()
            may_leave.wait(10)

    thread = threading.Thread(target=other)
    with fused_products(True):
        thread.start()
        assert is_inside.wait(10)  # nobody has to wait for the other
        assert tf.config.optimizer.get_experimental_options()["remapping"] is False
    assert tf.config.optimizer.get_experimental_options()["remapping"] is False
    may_leave.set()
    thread.join()
    assert tf.config.optimizer.get_experimental_options()["remapping"] is True
