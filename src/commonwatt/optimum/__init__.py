"""The numerical core behind dispatch: a model in arrays, engines that solve it, and a proof that trusts none of them.

Problem -> Plan (an engine's word) -> Certificate (what is proven).
"""
