"""The larger and the smaller of several expressions, as sympy prints and differentiates them."""
import sympy


class _Unsorted:
    """Sympy tries to prove which side is the larger. Over real symbols it hardly ever can, and for long
    formulas it tries for seconds; so it is let to where both are numbers or single symbols."""
    @classmethod
    def _is_connected(cls, x, y):
        if not (x.is_Atom and y.is_Atom):
            return False
        proved = super()._is_connected(x, y)
        return {sympy.Max: Max, sympy.Min: Min}.get(proved, proved)


class Max(_Unsorted, sympy.Max):
    __doc__ = sympy.Max.__doc__


class Min(_Unsorted, sympy.Min):
    __doc__ = sympy.Min.__doc__
