"""Training without torch's compiler, which would take seconds to import and is not used."""

import sys

import torch

__all__ = ["spare_compiler"]

METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def spare_compiler() -> None:
    """Let torch's optimisers be made and used without importing its compiler (``torch._dynamo``, some 800 modules).

    torch marks a few of their methods as not to be compiled, and imports the compiler at the first call of one to be
    told so. Each method remembers the answer; here it is given beforehand: call the method as it is. Where the compiler
    is there already, and in versions of torch that do this otherwise, nothing is changed. ``step`` of torch's own
    optimisers still imports it; our ``Adam.update`` does not.
    """
    if "torch._dynamo" in sys.modules:
        return
    for name in METHODS:
        method = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if method is not None and not hasattr(method, "__dynamo_disable"):
            method.__dynamo_disable = method
