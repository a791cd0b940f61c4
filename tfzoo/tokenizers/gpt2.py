"""GPT-2's tokenizer, which is GPT-3's too."""

from typing import ClassVar

import keras

from tfzoo.tokenizers.byte_level import ByteLevelTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class GPT2Tokenizer(ByteLevelTokenizer):
    """GPT-2's tokenizer, and GPT-3's: strings to the ids of byte-level byte-pair encoding.

    https://github.com/openai/gpt-2, `encoder.py`. Its one special token, <|endoftext|>, stands
    between documents and for padding; `detokenize` leaves it out. A text that spells it out is
    text, as in the original.

    Args:
        vocabulary: path of a `vocab.json` (OpenAI's `encoder.json`), token -> id, or the list of
            tokens in the order of their ids. It must hold all 256 bytes and <|endoftext|>.
        merges: path of a `merges.txt` (OpenAI's `vocab.bpe`), one pair of tokens per line, or the
            list of the pairs.
        add_prefix_space: whether a text that does not begin with a space is given one, so that its
            first word is written as others are.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged, a token is missing, or the merges are none that training
            gives.

    Example:
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> merges = ["Ġ p", "l a", "Ġp la", "Ġpla y"]
        >>> made = [merge.replace(" ", "") for merge in merges]
        >>> tokenizer = GPT2Tokenizer([*ALPHABET, *made, "<|endoftext|>"], merges)
        >>> ids = tokenizer(["we play", "play"])
        >>> [[tokenizer.id_to_token(i) for i in row] for row in ids.to_list()]
        [['w', 'e', 'Ġplay'], ['p', 'la', 'y']]
        >>> tokenizer.detokenize([[*row, tokenizer.end_id] for row in ids.to_list()]).numpy()
        array([b'we play', b'play'], dtype=object)
    """

    special_tokens: ClassVar[dict[str, str]] = {
        "end_id": "<|endoftext|>",
        "pad_id": "<|endoftext|>",
    }

    end_id: int

    @property
    def frame_ids(self) -> tuple[list[int], list[int], list[int]]:
        """Texts stand alone; the end token is between those of a pair."""
        return [], [self.end_id], []
