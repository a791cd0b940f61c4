"""RoBERTa's tokenizer, GPT-2's with other special tokens."""

from typing import ClassVar

import keras

from tfzoo.tokenizers.byte_level import ByteLevelTokenizer


@keras.saving.register_keras_serializable(package="tfzoo")
class RobertaTokenizer(ByteLevelTokenizer):
    """Splits strings into the ids of byte-level BPE, as GPT-2 and RoBERTa do.

    Section 4.4 of https://arxiv.org/abs/1907.11692.

    Args:
        vocabulary: path of a `vocab.json`, token -> id, or the list of tokens in the order of their
            ids. It must hold all 256 bytes and <s>, <pad>, </s>, <unk> and <mask>.
        merges: path of a `merges.txt`, one pair of tokens per line, or the list of the pairs.
        add_prefix_space: whether a text that does not begin with a space is given one, so that its
            first word is written as others are.

    Raises:
        HandleError: if there is no such file.
        WeightsError: if a file is damaged, a token is missing, or the merges are none that training
            gives.

    Example:
        >>> from tfzoo.tokenizers.byte_pair_model import ALPHABET
        >>> merges = ["Ġ p", "l a", "Ġp la", "Ġpla y"]
        >>> special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        >>> made = [merge.replace(" ", "") for merge in merges]
        >>> tokenizer = RobertaTokenizer([*special, *ALPHABET, *made], merges)
        >>> ids = tokenizer(["we play", "play"])
        >>> [[tokenizer.id_to_token(i) for i in row] for row in ids.to_list()]
        [['w', 'e', 'Ġplay'], ['p', 'la', 'y']]
        >>> tokenizer.detokenize(ids).numpy().tolist()
        [b'we play', b'play']
    """

    special_tokens: ClassVar[dict[str, str]] = {
        "pad_id": "<pad>",
        "unk_id": "<unk>",
        "cls_id": "<s>",
        "sep_id": "</s>",
        "mask_id": "<mask>",
    }
