"""How people live, as draws: what sources and devices have in common. A day's draws depend on no other day's (§8)."""
