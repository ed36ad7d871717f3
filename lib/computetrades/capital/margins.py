"""Margins, markups and the path of a dollar. Shares are of revenue unless the name says otherwise."""


def gross_margin(price, cost):
    """Share of the price that is left after cost."""
    return 1 - cost / price


def markup(price, cost):
    """Profit as a share of cost. Never below the gross margin of the same two numbers."""
    return price / cost - 1


def margin_of_markup(markup):
    """The gross margin that a markup amounts to."""
    return markup / (1 + markup)


def markup_of_share(share):
    """What giving up `share` of revenue costs relative to the revenue that is kept."""
    return 1 / (1 - share) - 1


def share_of_markup(markup):
    """The revenue share that looks like `markup` to the one who pays it."""
    return 1 - 1 / (1 + markup)


def blended_price(input_price, output_price, input_share):
    """Revenue per token when `input_share` of the billed tokens are input."""
    return input_price * input_share + output_price * (1 - input_share)


def margin_after_share(margin, share, partner_mix):
    """Margin on all revenue when a `share` is paid away on the `partner_mix` of it that
    is sold through partners."""
    return margin - share * partner_mix


def unpaid_use(margin, target, cost):
    """Unpaid use, as a share of paid use, that takes `margin` down to `target` when a paid token
    costs `cost` of its price."""
    return (margin - target) / cost


def kept(revenue, margin):
    """What a layer keeps of the revenue that reaches it."""
    return revenue * margin


def passed_on(revenue, margin, share):
    """What a layer hands to one supplier: its cost times that supplier's share of the cost."""
    return revenue * (1 - margin) * share
