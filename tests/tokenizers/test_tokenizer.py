"""What all tokenizers have in common."""

import pytest

from tfzoo.errors import HandleError, WeightsError
from tfzoo.tokenizers import BertTokenizer, RobertaTokenizer, tokenizer


@pytest.mark.parametrize(
    "make", [BertTokenizer, lambda path: RobertaTokenizer(path, []), tokenizer.read_text]
)
def test_files_that_are_no_vocabulary(make, tmp_path, monkeypatch):
    path = tmp_path / "vocabulary"
    with pytest.raises(HandleError, match=f"no vocabulary file at {path}"):
        make(path)
    path.write_bytes(b"\xff\n")
    with pytest.raises(WeightsError, match=f"{path} is not UTF-8"):
        make(path)
    monkeypatch.setattr(tokenizer, "_MAX_BYTES", 1)
    with pytest.raises(WeightsError, match=f"{path} is larger than 0 MiB, so it is no vocabulary"):
        make(path)
