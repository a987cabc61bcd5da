"""The structured interior point method: the same optimum as HiGHS, whatever binds members together, and its traps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.specs._plans import community
from tests.optimum._crowds import EVERYTHING, FEATURES, crowd
from tests.optimum._instances import limited
from tests.optimum.test_limits import behind, everybody
from tests.optimum.test_small import battery, problem

from commonwatt.errors import InfeasibleError
from commonwatt.flow import Pool
from commonwatt.optimum import _crew, block, highs
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.engine import Plan
from commonwatt.optimum.limits import Joint, Peak, Tier
from commonwatt.optimum.solve import ENGINES, solve
from commonwatt.watch import Watch


def proven(given, gap=1e-6):
    assert block.suited(given)
    made, proof = certify(given, block.solve(given, gap), gap)
    assert proof.status == "proven", proof
    assert proof.proof == "duals"
    return made, proof


def street(members=6, slots=24, *, seed=1, **parts):
    """Homes with batteries behind one meter, from a flat day."""
    rng = np.random.default_rng(seed)
    parts = {"capacity": 5.0, "power": 2.0, "charge_efficiency": 0.95, **parts}
    net, buy = rng.uniform(-3, 3, (slots, members)), rng.uniform(0.1, 0.4, slots)
    store = battery(slots, tuple(range(members)), **parts)
    return problem(net, buy, np.full(slots, 0.05), store, p2p=True, one_meter=True)


# --- the same optimum ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", FEATURES)
def test_the_optimum_is_that_of_highs(feature):
    """Both plans are proven, so that both costs are right to the gap; the bounds of one hold for the other."""
    for seed in range(10):
        given = crowd(seed, feature)
        _, ours = proven(given)
        _, theirs = certify(given, highs.solve(given, 1e-6), 1e-6)
        assert theirs.status == "proven", seed
        near = 1e-6 * max(abs(theirs.cost), given.scale)
        assert abs(ours.cost - theirs.cost) <= near, seed
        assert ours.lower <= theirs.cost + 1e-9 * near, seed
        assert theirs.lower <= ours.cost + 1e-9 * near, seed


def test_what_it_takes_among_all_kinds_of_small_problems_it_solves_or_leaves_open():
    """Where the relaxation is not exact the gap stays open, and never closes below the optimum."""
    seen, left = 0, 0
    for seed in range(1200):
        given = limited(seed)
        if not block.suited(given):
            continue
        _, ours = certify(given, block.solve(given, 1e-6), 1e-6)
        _, theirs = certify(given, highs.solve(given, 1e-6), 1e-6)
        near = 1e-6 * max(abs(theirs.cost), given.scale)
        assert ours.lower <= theirs.cost + near, seed
        assert ours.cost >= theirs.lower - near, seed
        seen, left = seen + 1, left + (ours.status != "proven")
    assert seen > 30
    assert left <= 0.05 * seen


def test_where_limits_charges_and_shared_batteries_come_together_it_is_as_good_as_the_relaxation_of_highs():
    """One member's account may fill while another's empties, in the relaxation only: then the gap stays open."""
    closed = 0
    for seed in range(15):
        given = crowd(seed, EVERYTHING)
        _, ours = certify(given, block.solve(given, 1e-6), 1e-6)
        _, theirs = certify(given, highs.Model(given).relaxed(None), 1e-6)
        near = 1e-6 * max(abs(theirs.cost), given.scale)
        assert ours.lower <= theirs.cost + near, seed
        assert ours.cost >= theirs.lower - near, seed
        if theirs.status == "proven":
            assert ours.status == "proven", seed
            assert abs(ours.cost - theirs.cost) <= near, seed
            closed += 1
    assert closed >= 2


def test_the_prices_of_room_and_power_in_a_shared_battery_are_those_of_highs():
    """One row bounds both ways there, so that its price stands for both."""
    given = sharing(street(), room=16.0, power=4.0)
    ours, theirs = block.solve(given, 1e-9).duals, highs.solve(given, 1e-9).duals
    proven(given, 1e-9)
    assert theirs.joint_level.max() > 0.01
    assert theirs.joint_charge.max() > 0.01
    for name in ("joint_level", "level", "balance"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-6, err_msg=name)
    np.testing.assert_allclose(ours.joint_charge + ours.joint_discharge, theirs.joint_charge, atol=1e-6)


def test_a_battery_shared_by_one_is_its_own():
    given = street()
    alone = sharing(given, rows=[2], room=5.0, power=2.0)
    assert proven(alone)[1].cost == pytest.approx(proven(given)[1].cost, rel=1e-6)


def sharing(given, *, room, power, rows=None):
    """The same where some stores are accounts of one battery."""
    rows = np.arange(given.stores.owner.size) if rows is None else np.array(rows)
    stores, slots = given.stores, np.ones(given.shape[0])
    joint = Joint(
        rows=rows, level_min_kwh=stores.level_min_kwh[:, rows].sum(axis=1), level_max_kwh=room * slots,
        charge_max_kwh=power * slots, discharge_max_kwh=power * slots,
    )  # fmt: skip
    return replace(given, joints=(*given.joints, joint))


def test_what_slots_bear_of_the_peaks_of_own_meters_adds_up_to_their_rate():
    given = charged(street(), rate=0.3)
    made, _ = proven(given, 1e-9)
    borne, power = block.solve(given, 1e-9).duals.peak, made.net_kwh(given)
    highest = power.max(axis=0)
    assert highest.sum() < proven(street())[0].net_kwh(given).max(axis=0).sum() - 0.5
    for n in np.flatnonzero(highest > 1e-3):
        assert borne[:, n].sum() == pytest.approx(0.3, abs=1e-4)
        assert borne[power[:, n] < highest[n] - 1e-3, n].max(initial=0.0) < 1e-4


def charged(given, *, rate):
    """A charge on the peak of each member's own meter, under a common tariff."""
    slots, members = given.shape
    peaks = tuple(Peak(members=np.arange(members) == n, weight=np.ones(slots), rate=rate) for n in range(members))
    buy, sell = (np.repeat(price[:, None], members, 1) for price in (given.coupling_buy, given.coupling_sell))
    return replace(given, one_meter=False, buy=buy, sell=sell, peaks=peaks)


def test_a_peak_that_load_alone_reaches_is_known_beforehand():
    """Whoever has no say in its flow is no obstacle, and the bound holds all the same."""
    given = charged(street(), rate=0.3)
    few = replace(given, stores=given.stores.kept(np.arange(2), np.arange(2)))
    _, ours = proven(few)
    _, theirs = certify(few, highs.solve(few, 1e-6), 1e-6)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-6)


def test_charges_that_no_plan_changes_are_no_hindrance():
    """Nobody meets a retailer behind one meter, and a peak locked above all that can flow costs what it costs."""
    given = street()
    blocks = {"slots": np.ones(24, bool), "width_kwh": np.array([5.0, np.inf]), "rate": np.array([0.1, 0.2])}
    nobodys = tuple(Tier(members=np.arange(6) == n, reads="residual", **blocks) for n in range(6))
    high = Peak(members=np.arange(6) == 3, weight=np.ones(24), rate=1.0, locked_kw=50.0)
    read = Tier(members=np.ones(6, bool), reads="pool", **blocks)
    owed = replace(given, peaks=(high, everybody(given, rate=0.5)), tiers=(*nobodys, read))
    _, ours = proven(owed)
    _, theirs = certify(owed, highs.solve(owed, 1e-6), 1e-6)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-6)


def test_meters_of_ones_own_under_a_common_tariff_are_as_good_as_one():
    given = street()
    one = replace(given, buy=np.repeat(given.coupling_buy[:, None], 6, 1), sell=np.full(given.shape, 0.05))
    own = behind(replace(one, one_meter=False), most_in=3.0, members=[0, 1, 2])
    _, ours = proven(own)
    _, theirs = certify(own, highs.solve(own, 1e-6), 1e-6)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-6)
    np.testing.assert_array_equal(block.solve(own, 1e-6).level_kwh,
                                  block.solve(replace(own, one_meter=True), 1e-6).level_kwh)  # fmt: skip


def test_prices_of_limits_are_those_of_highs():
    given = behind(street(slots=6), most_in=2.5, most_out=3.0)
    _, ours = proven(given, 1e-9)
    _, theirs = certify(given, highs.solve(given, 1e-9), 1e-9)
    assert np.abs(ours.limit_price).max() > 0.01
    np.testing.assert_allclose(ours.limit_price, theirs.limit_price, atol=1e-4)


def test_a_demand_charge_counts_from_the_peak_already_reached():
    given = street()
    free, dear = proven(replace(given, peaks=(everybody(given, rate=2.0),))), proven(given)
    locked = proven(replace(given, peaks=(everybody(given, rate=2.0, locked_kw=20.0),)))
    highest = [made.net_kwh(given).sum(axis=1).max() for made, _ in (free, dear)]
    assert highest[0] < highest[1] - 0.5
    assert locked[1].cost == pytest.approx(dear[1].cost + 40.0, rel=1e-5)


@pytest.mark.slow
def test_a_thousand_homes():
    _, proof = proven(community(1000))
    assert proof.gap <= 1e-6


# --- the same plan ---------------------------------------------------------------------------------------------------


def test_threads_change_no_bit(monkeypatch):
    given, found = community(300, 48), []
    for count in (1, 2, 3):
        monkeypatch.setattr(_crew, "PAYS", 0)
        monkeypatch.setattr(_crew, "processors", lambda count=count: count)
        found.append(block.solve(given, 1e-6))
    assert found[0].status == "optimal"
    for other in found[1:]:
        assert other.iterations == found[0].iterations
        for name in ("level_kwh", "curtailed_kwh", "unserved_kwh"):
            assert (getattr(other, name) == getattr(found[0], name)).all(), name
        assert (other.duals.balance == found[0].duals.balance).all()


def test_what_breaks_in_another_thread_is_raised():
    def kernel(start, stop):
        if start > 0:
            raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        _crew.Crew(2, pool).share(kernel, 4)


@pytest.mark.parametrize(("count", "parts"), [(1, 5), (2, 5), (3, 2), (4, 1)])
def test_a_crew_does_every_part_once(count, parts):
    done = []
    with ThreadPoolExecutor(4) as pool:
        _crew.Crew(count, pool).share(lambda start, stop: done.extend(range(start, stop)), parts)
    assert sorted(done) == list(range(parts))


def test_twice_the_same_bits():
    given = community(40)
    one, two = (block.solve(given, 1e-6) for _ in range(2))
    assert one.level_kwh.tobytes() == two.level_kwh.tobytes()
    assert one.duals.balance.tobytes() == two.duals.balance.tobytes()


def test_the_order_of_members_changes_next_to_nothing_and_equal_members_do_the_same():
    """Within 1e-6 kWh (1e-4 with peaks of own meters), where plans at corners of equal cost differ by kWh."""
    given = street(members=20)
    same = replace(
        given, load_kwh=np.repeat(given.load_kwh[:, :10], 2, axis=1), pv_kwh=np.repeat(given.pv_kwh[:, :10], 2, axis=1)
    )
    order = np.random.default_rng(3).permutation(20)
    for told, near in (
        (same, 1e-6), (sharing(same, room=60.0, power=15.0), 1e-6), (charged(same, rate=0.3), 1e-4)
    ):  # fmt: skip
        level = proven(told, 1e-8)[0].level_kwh
        np.testing.assert_allclose(level[:, ::2], level[:, 1::2], atol=1e-6)
        turned = proven(_turned(told, order), 1e-8)[0].level_kwh
        np.testing.assert_allclose(turned, level[:, order], atol=near)


def _turned(given, order):
    """Members, each with one battery, in another order."""
    tables = {name: getattr(given, name)[:, order] for name in ("load_kwh", "pv_kwh", "buy", "sell", "inside")}
    peaks = tuple(replace(peak, members=peak.members[order]) for peak in given.peaks)
    return replace(given, **tables, peaks=peaks, stores=given.stores.kept(order, np.arange(order.size)))


# --- traps -----------------------------------------------------------------------------------------------------------


def test_members_without_freedom_have_room_all_the_same():
    """A bound that the balance forces leaves no interior: prices without end, and no progress."""
    given = street(members=30)
    few = given.stores.kept(np.arange(3), np.arange(3))
    plan = block.solve(replace(given, stores=few), 1e-6)
    assert plan.status == "optimal"
    assert plan.iterations < 30


def test_a_whole_problem_without_any_freedom():
    given = problem([[3, -1], [1, 2]], [0.3, 0.2], [0.1, 0.1], p2p=True, one_meter=True)
    assert proven(given)[1].cost == pytest.approx(0.3 * 2 + 0.2 * 3)


def test_levels_that_can_be_nothing_else():
    """Bounds that meet at a day's end, a store that must charge all the way, one that may not move at all."""
    given = street(members=4, slots=8)
    low, high = np.array(given.stores.level_min_kwh), np.array(given.stores.level_max_kwh)
    charge = np.array(given.stores.charge_max_kwh)
    low[3, 0] = high[3, 0] = 3.0
    charge[:, 1] = 0.2
    low[-1, 1] = given.stores.start_kwh[1] + 8 * 0.95 * 0.2
    low[:, 2] = high[:, 2] = given.stores.start_kwh[2]
    fixed = replace(given.stores, level_min_kwh=low, level_max_kwh=high, charge_max_kwh=charge)
    made, proof = proven(replace(given, stores=fixed))
    np.testing.assert_allclose(made.charge_kwh[:, 1], 0.2)
    _, theirs = certify(replace(given, stores=fixed), highs.solve(replace(given, stores=fixed), 1e-6), 1e-6)
    assert proof.cost == pytest.approx(theirs.cost, rel=1e-6)


def test_what_the_sun_leaves_at_dawn_is_none():
    given = street()
    dust = np.where(given.pv_kwh == 0.0, 1e-16, given.pv_kwh)
    clean, dusty = (block.solve(replace(given, curtail=True, pv_kwh=pv), 1e-6) for pv in (given.pv_kwh, dust))
    assert dusty.status == "optimal"
    np.testing.assert_allclose(dusty.level_kwh, clean.level_kwh, atol=1e-6)


def test_behind_a_limit_of_ones_own_nothing_is_gained_by_passing_on():
    """What flows in is bounded there, not the net; prices of a pool that nobody gives to must not rest on that."""
    proven(crowd(108, "feeders"))


def test_limits_of_nothing():
    """No column may have a width of 0."""
    given = behind(street(), most_in=0.0, members=[0], name="the connection of member_1")
    _, ours = proven(given)
    _, theirs = certify(given, highs.solve(given, 1e-6), 1e-6)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-6)


def test_huge_and_tiny_units():
    given = street()
    right = proven(given)[1].cost
    for energy, price in ((1e6, 1.0), (1e-6, 1.0), (1.0, 1e4), (1e3, 1e-5)):
        assert proven(_in_units(given, energy, price))[1].cost == pytest.approx(right * energy * price, rel=3e-6)


def _in_units(given, energy, price):
    stores = given.stores
    tables = ("charge_max_kwh", "discharge_max_kwh", "level_min_kwh", "level_max_kwh", "drain_kwh", "start_kwh")
    return replace(
        given, **{name: getattr(given, name) * energy for name in ("load_kwh", "pv_kwh")},
        **{name: getattr(given, name) * price for name in ("buy", "sell", "coupling_buy", "coupling_sell")},
        stores=replace(stores, **{name: getattr(stores, name) * energy for name in tables}),
    )  # fmt: skip


# --- what it leaves to others ----------------------------------------------------------------------------------------


def no_longer(change):
    given = street()
    return not block.suited(change(given))


def test_what_it_cannot_tell_it_does_not_take():
    everyone = np.ones(6, bool)
    falling = Tier(
        members=everyone, slots=np.ones(24, bool), width_kwh=np.array([5.0, np.inf]), rate=np.array([0.2, 0.1])
    )
    alone = Peak(members=np.arange(6) == 2, weight=np.ones(24), rate=1.0)
    assert block.suited(street())
    assert no_longer(lambda p: replace(p, tiers=(falling,)))
    assert no_longer(lambda p: replace(p, peaks=(alone, replace(alone, rate=2.0))))
    assert no_longer(lambda p: replace(p, peaks=(replace(alone, members=np.arange(6) < 2),)))
    assert no_longer(lambda p: sharing(sharing(p, room=9.0, power=5.0), rows=[0, 1], room=9.0, power=5.0))
    assert no_longer(lambda p: sharing(replace(p, stores=_unlike(p.stores)), room=9.0, power=5.0))
    assert no_longer(lambda p: replace(p, resale=False))
    assert no_longer(lambda p: replace(p, coupling_sell=-p.coupling_sell))
    assert no_longer(lambda p: replace(p, coupling_sell=2 * p.coupling_buy))
    assert no_longer(lambda p: replace(p, pool=Pool(fee_per_kwh=1.0)))
    assert no_longer(lambda p: behind(behind(p, 3.0, members=[0, 1], name="a"), 3.0, members=[1, 2], name="b"))
    assert no_longer(lambda p: replace(p, inside=np.zeros(p.shape, bool)))


def _unlike(stores):
    """One that loses more than the others."""
    return replace(stores, loss=stores.loss + 0.1 * (np.arange(stores.loss.size) == 2))


def test_asked_by_name_for_what_it_does_not_take_it_leaves_it_to_highs_and_says_so():
    given = replace(street(), resale=False)
    proof = solve(given, engine="block").certificate
    assert proof.engine == "highs"
    assert proof.status == "proven; block: not suited"


def test_many_members_are_its_own_and_few_are_not(monkeypatch):
    called = []

    def seen(given, *rest):
        called.append(given.shape)
        return block.solve(given, *rest)

    monkeypatch.setitem(ENGINES, "block", seen)
    assert solve(street()).certificate.engine == "highs"
    assert solve(community(53)).certificate.engine == "block"
    assert solve(replace(community(53), resale=False), seconds=0.1).certificate.engine in {"highs", "rule"}
    assert called == [(96, 53)]


@pytest.mark.parametrize("broken", [
    lambda given, *_: replace(Plan.rest(given, "block", "optimal"), level_kwh=np.full(given.stores.shape, np.nan)),
    lambda given, *_: Plan.rest(given, "block", "stalled"),
], ids=["nan", "stalled"])  # fmt: skip
def test_where_it_fails_highs_is_asked(broken, monkeypatch):
    monkeypatch.setitem(ENGINES, "block", broken)
    proof = solve(street(), engine="block").certificate
    assert proof.engine == "highs"
    assert proof.status.startswith("proven; block: ")


def test_numbers_that_are_none_end_it():
    given = street()
    drain = np.array(given.stores.drain_kwh)
    drain[3, 2] = np.nan
    assert block.solve(replace(given, stores=replace(given.stores, drain_kwh=drain)), 1e-6).status == "not finite"


def test_what_cannot_be_is_said_as_ever():
    """It never stops by itself there: its bound runs away while rows stay unmet."""
    given = street(members=3, slots=4, soc_start=0.0)
    due = np.zeros(given.stores.shape)
    due[-1] = 5.0
    given = replace(given, stores=replace(given.stores, level_min_kwh=due), load_kwh=0 * given.load_kwh,
                    pv_kwh=0 * given.pv_kwh)  # fmt: skip
    tight = behind(given, most_in=1.0)
    assert block.solve(tight, 1e-6).status != "optimal"
    with pytest.raises(InfeasibleError, match="coupling point"):
        solve(tight, engine="block")


# --- time and watchers -----------------------------------------------------------------------------------------------


def test_a_time_limit_gives_a_plan_that_can_be_carried_out():
    given = community(60)
    proof = solve(given, 1e-6, seconds=0.01, engine="block").certificate
    assert proof.status == "open (time limit)"
    assert np.isfinite(proof.cost)
    assert proof.engine == "block"


def test_it_tells_how_far_it_is_and_stops_when_asked():
    told = []
    watch = Watch(progress=lambda done, gap: told.append((done, gap)), cancel=lambda: len(told) > 5)
    proof = solve(community(60), 1e-6, engine="block", watch=watch).certificate
    assert [done for done, _ in told] == [0, 1, 2, 3, 4, 5]
    assert told[-1][1] < told[0][1]
    assert proof.status == "open (cancelled)"
    assert np.isfinite(proof.cost)


def test_a_coarser_gap_takes_fewer_iterations_and_holds():
    given = community(60)
    coarse, fine = block.solve(given, 1e-2), block.solve(given, 1e-8)
    assert coarse.iterations < fine.iterations
    assert certify(given, coarse, 1e-2)[1].gap <= 1e-2
    assert certify(given, fine, 1e-8)[1].gap <= 1e-8
