"""What the columns of a page mean."""

GLOSSARY = {
    "alone": "A member for itself: its own devices, the same tariff, nobody to share with.",
    "bought, sold via the pool": "Energy that the pool sells to a member or buys from it. Behind one meter that is all "
    "that crosses the member's meter, the part that the pool takes from or gives to the grid included; with own meters "
    "it is what members trade with each other, and the rest goes through each member's own contract.",
    "cost": "What all members pay together; negative: they earn.",
    "dispatch": "How batteries and other devices are run. passive: as if nobody planned; self consumption: own PV "
    "first.",
    "fairness": "Jain's index of each member's saving as a share of what its load alone would cost; losses count as 0. "
    "1: all gain alike. 1 divided by the number of members: one gains everything. Where nobody saves, as under none, "
    "it is 1.",
    "losers": "Members that pay more than alone on their own contract.",
    "load's cost": "What the load would cost without PV, devices and sharing.",
    "mechanism": "The rule by which energy is shared inside, and at what price.",
    "member": "A home or business with a meter.",
    "net import": "What the community draws at its coupling point after sharing; negative: it gives.",
    "none": "No sharing: everybody deals with the grid. The reference for all mechanisms.",
    "one meter": "The community is billed at its common coupling point.",
    "own meters": "Each member keeps a retailer; traded energy is netted from what its meter shows.",
    "peak import, peak export": "Highest net import and export of the community, mean over a slot.",
    "PV": "Solar energy made on the members' roofs.",
    "rank": "By losers, then fairness to a thousandth, then cost; within one world only.",
    "saving": "Standing alone minus the bill. In per cent: of what the load alone would cost.",
    "self-sufficiency": "Part of the load met by the community itself, after sharing.",
    "slot": "The step of time in which energy is metered and settled.",
    "tariff": "What the grid charges and pays.",
    "world": "Whose meters are billed: own meters or one meter. Costs in different worlds are not comparable.",
    "–": "The number has no meaning there, for example a share of nothing.",
}
"""By term, in the order of the alphabet."""
