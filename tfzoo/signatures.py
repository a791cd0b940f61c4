"""What the constructor of a class takes, also of a user's subclass that passes its arguments on."""

import inspect


def constructor_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The named parameters of a constructor, and of those that its `**kwargs` reach inside tfzoo.

    Example:
        >>> from tfzoo import BertTokenizer
        >>> list(constructor_parameters(BertTokenizer))
        ['vocabulary', 'lowercase']
    """
    found = {}
    for each in cls.__mro__:
        if "__init__" not in vars(each):
            continue
        parameters = inspect.signature(each.__init__).parameters.values()
        passed_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        for p in parameters:
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != "self":
                found.setdefault(p.name, p)
        if not passed_on or each.__module__.startswith("tfzoo."):
            break
    return found
