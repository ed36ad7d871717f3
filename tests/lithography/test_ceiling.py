"""lithography/ceiling.py: against gigawatts built rack by rack, tools run hour by hour,
and published figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from computetrades.facts import facts
from computetrades.lithography import ceiling
from computetrades.units import UnitError, parse, unit_size
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=25)
COUNT = st.integers(1, 200)
SHARE = st.floats(0.05, 1)
RACK = st.fixed_dictionaries({
    "gpus": COUNT.map("{} GPU".format), "rack_power": st.integers(20, 500).map("{} kW".format),
    "pue": st.floats(1, 2).map("{} multiple".format),
    "compute_dies": st.integers(1, 4).map("{} die/GPU".format),
    "gross_dies": st.integers(20, 100).map("{} die/wafer".format),
    "die_yield": SHARE.map(lambda y: f"{100 * y} percent"),
    "hbm_stacks": st.integers(1, 16).map("{} stack/GPU".format),
    "dies_per_stack": st.sampled_from([4, 8, 12, 16]).map("{} die/stack".format),
    "dram_dies_per_wafer": st.integers(300, 900).map("{} die/wafer".format),
    "dram_yield": SHARE.map(lambda y: f"{100 * y} percent"),
    "hbm_capacity": st.integers(1, 300).map("{} GB".format),
    "fast_memory": st.integers(60, 200).map("{} TB".format),
    "lpddr_bit_density": st.floats(0.1, 1).map("{} Gbit/mm**2".format), "wafer_area": st.just("70686 mm**2"),
    "lpddr_yield": SHARE.map(lambda y: f"{100 * y} percent")})


def magnitude(text, unit):
    return parse(text).to(unit).magnitude


@calm
@given(st.lists(st.tuples(COUNT, st.integers(0, 30)), min_size=1, max_size=4))
def test_exposures_are_counted_wafer_by_wafer(products):
    seen = sum(1 for wafers, layers in products for _ in range(wafers) for _ in range(layers))
    passes = paths(ceiling.passes_per_gw, "exposure/GW", [f"{w} wafer/GW" for w, _ in products],
                   [f"{e} exposure/wafer" for _, e in products])
    assert passes.value("exposure/GW") == pytest.approx(seen)


def test_every_product_needs_its_exposures():
    with pytest.raises(ValueError):
        ceiling.passes_per_gw([1.0, 2.0], [3.0])


@calm
@given(st.integers(1, 300), st.lists(st.booleans(), min_size=24, max_size=24))
def test_a_tool_prints_only_in_the_hours_it_runs(wafers_an_hour, running):
    printed = sum(wafers_an_hour for up in running if up)
    per_tool = paths(ceiling.passes_per_tool, "exposure/tool/day", f"{wafers_an_hour} wafer/h",
                     f"{100 * np.mean(running)} percent")
    assert per_tool.value("exposure/tool/day") == pytest.approx(printed)


@calm
@given(st.integers(1, 50), st.floats(1, 1000), st.floats(1, 1000))
def test_the_fleet_prints_exactly_the_exposures_of_the_gigawatts_it_allows(fleet, passes, per_tool):
    tools = paths(ceiling.tools_per_gw, "tool*year/GW", f"{passes} exposure/GW",
                  f"{per_tool} exposure/tool/year")
    built_a_year = paths(ceiling.ceiling, "GW/year", f"{fleet} tool",
                         f"{tools.value('tool*year/GW')!r} tool*year/GW")
    assert built_a_year.value("GW/year") * passes == pytest.approx(fleet * per_tool)


@calm
@given(RACK)
def test_wafers_of_a_gigawatt_built_rack_by_rack(rack):
    racks = 10**9 / (magnitude(rack["rack_power"], "W") * magnitude(rack["pue"], ""))
    gpus = magnitude(rack["gpus"], "GPU") * racks
    good_logic = magnitude(rack["gross_dies"], "die/wafer") * magnitude(rack["die_yield"], "")
    good_dram = magnitude(rack["dram_dies_per_wafer"], "die/wafer") * magnitude(rack["dram_yield"], "")
    stacks = gpus * magnitude(rack["hbm_stacks"], "stack/GPU")
    dram_dies = stacks * magnitude(rack["dies_per_stack"], "die/stack")
    left_over = racks * magnitude(rack["fast_memory"], "bit") - gpus * magnitude(rack["hbm_capacity"], "bit")
    bits_a_wafer = (magnitude(rack["lpddr_bit_density"], "bit/mm**2") * 70686
                    * magnitude(rack["lpddr_yield"], ""))
    want = {ceiling.logic_wafers_per_gw: gpus * magnitude(rack["compute_dies"], "die/GPU") / good_logic,
            ceiling.hbm_wafers_per_gw: dram_dies / good_dram,
            ceiling.lpddr_wafers_per_gw: left_over / bits_a_wafer}
    assert paths(ceiling.gpus_per_gw, "GPU/GW", rack).value("GPU/GW") == pytest.approx(gpus)
    for f, wafers in want.items():
        assert paths(f, "wafer/GW", rack).value("wafer/GW") == pytest.approx(wafers)


@calm
@given(RACK, st.integers(1, 64))
def test_counting_hbm_by_dies_and_by_bits_agrees(rack, gbit):
    dies = [magnitude(rack[k], u) for k, u in [("hbm_stacks", "stack/GPU"), ("dies_per_stack", "die/stack")]]
    per_gpu = f"{dies[0] * dies[1] * gbit} Gbit"
    density = f"{magnitude(rack['dram_dies_per_wafer'], 'die/wafer') * gbit / 70686!r} Gbit/mm**2"
    gpus = paths(ceiling.gpus_per_gw, "GPU/GW", rack).value("GPU/W")
    by_bits = paths(ceiling.dram_wafers, "wafer/GW", f"{magnitude(per_gpu, 'B') * gpus!r} B/W", density,
                    rack["wafer_area"], rack["dram_yield"])
    assert (by_bits.value("wafer/GW")
            == pytest.approx(paths(ceiling.hbm_wafers_per_gw, "wafer/GW", rack).value("wafer/GW")))


def test_dram_for_one_memory_is_wafers_and_for_a_watt_is_wafers_per_watt():
    by_hand = paths(ceiling.dram_wafers, "wafer", "1000 GB", "1 Gbit/mm**2", "1000 mm**2", "50 percent")
    assert by_hand.value("wafer") == pytest.approx(16)
    by_hand = paths(ceiling.dram_wafers, "wafer/GW", "1000 GB/GW", "1 Gbit/mm**2", "1000 mm**2", "50 percent")
    assert by_hand.value("wafer/GW") == pytest.approx(16)


@calm
@given(st.integers(0, 400), st.integers(0, 120), st.integers(0, 120), st.integers(1, 9), SHARE)
def test_the_fleet_is_the_integral_of_an_output_that_rises_evenly(installed, first, last, n, part):
    years = n * part
    delivered = quad(lambda t: first + (last - first) * t / n, 0, years)[0]
    fleet = paths(ceiling.fleet_after, "tool", f"{installed} tool", f"{first} tool/year", f"{last} tool/year",
                  f"{n} year", f"{years} year")
    assert fleet.value("tool") == pytest.approx(installed + delivered)


@calm
@given(st.integers(0, 400), st.integers(0, 120), st.integers(0, 120), st.integers(2, 9))
def test_at_the_end_of_the_plan_the_yearly_deliveries_have_arrived(installed, first, last, n):
    total = installed + sum(np.linspace(first, last, n))
    assert ceiling.fleet_after(installed, first, last, n, n) == pytest.approx(total)


@calm
@given(st.integers(0, 400), st.integers(0, 120), st.integers(0, 120), st.integers(1, 9), SHARE,
       st.floats(0, 2))
def test_new_tools_count_at_the_speed_of_their_shipment(installed, first, last, n, part, gain):
    years = n * part
    fresh = quad(lambda t: (first + (last - first) * t / n) * (1 + gain * t / n), 0, years)[0]
    arguments = [f"{installed} tool", f"{first} tool/year", f"{last} tool/year", f"{n} year", f"{years} year"]
    def fleet_at(*plan): return ceiling.fleet_in_todays_tools(*plan[:-1], gain=plan[-1])
    fleet = paths(fleet_at, "tool", *arguments, f"{100 * gain} percent")
    assert fleet.value("tool") == pytest.approx(installed + fresh)
    same_speed = paths(fleet_at, "tool", *arguments, "0 percent").value("tool")
    assert same_speed == pytest.approx(paths(ceiling.fleet_after, "tool", *arguments).value("tool"))


def test_published_chain_of_the_podcast():  # Dwarkesh Podcast 2026-03-13, 38:24 to 42:35
    patel = facts("patel-ceiling")
    n3 = ceiling.passes_per_gw([patel.n3_wafers], [patel.euv_layers])
    assert n3.value("exposure/GW") == 1_100_000
    chain = ceiling.tools_per_gw(patel.passes, ceiling.passes_per_tool(patel.throughput, patel.availability))
    assert chain.value("tool*year/GW") == pytest.approx(2e6 / (75 * 0.9 * 24 * 365.25))
    assert chain.value("tool*year/GW") == pytest.approx(3.5, abs=0.15)  # he says 3.5
    fleet = ceiling.fleet_after(patel.installed_base, patel.tools_2026, patel.tools_2030, facts("plan").years,
                                facts("plan").years)
    assert fleet.value("tool") == 700
    assert ceiling.ceiling(fleet, patel.tools_per_gw).value("GW/year") == 200


def test_records_are_chained_to_what_the_fleet_prints_in_a_year():
    """By hand: 2 products of 10 layers each on 100 wafers need 2,000 exposures
    a gigawatt, and the third none."""
    three = {"n3": "100 wafer/GW", "n5": "100 wafer/GW", "dram": "7 wafer/GW"}
    found = paths(ceiling.from_records, "GW/year", three,
                  {"n3": "10 exposure/wafer", "n5": "10 exposure/wafer", "dram": "0 exposure/wafer"},
                  {"field_throughput": "20 wafer/h", "availability": "50 percent"},
                  {"cumulative_2025": "40 tool"},
                  {"tools_2026": "10 tool/year", "tools_2030": "30 tool/year", "years": "2 year"},
                  {"years": "4 year"})
    # Output rises to 20 in half the time
    fleet = 40 + 2 * (10 + 20) / 2
    assert found.value("GW/year") == pytest.approx(fleet * 20 * 0.5 * 24 * 365.25 / 2000)


# Apriori 2026: 180 wafers an hour give 1.4 tools a gigawatt
def test_the_podcast_and_its_audit_differ_by_throughput():
    audit, patel = facts("podcast-audit").plain, facts("patel-ceiling").plain
    throughput = np.array([patel.throughput, audit.throughput])
    both = ceiling.tools_per_gw(patel.passes, ceiling.passes_per_tool(throughput, patel.availability))
    assert both * unit_size("GW") / unit_size("year") == pytest.approx([3.38, 1.41], abs=0.01)


def test_the_essays_tool_prints_560_000_exposures_a_year():
    essay = facts("essay-ceiling")
    per_tool = ceiling.passes_per_tool(essay.effective_throughput, essay.utilization * essay.hours)
    assert per_tool.value("exposure/tool/year") == pytest.approx(100 * 0.7 * 8000) == 560_000


def test_as_printed_the_fleet_over_tools_per_gigawatt_is_a_stock_not_a_flow():
    essay = facts("essay-ceiling")
    stock = ceiling.ceiling(essay.fleet_2030, essay.tools_per_gw_printed)
    assert stock.value("GW") == 200
    with pytest.raises(UnitError):
        stock.value("GW/year")


def test_the_rubin_rack_by_hand():
    rack = facts("rubin-rack")
    racks = 1e6 / (190 * 1.2)
    assert ceiling.gpus_per_gw(rack).value("GPU/GW") == pytest.approx(racks * 72)
    assert ceiling.logic_wafers_per_gw(rack).value("wafer/GW") == pytest.approx(racks * 144 / 44.8)
    assert ceiling.hbm_wafers_per_gw(rack).value("wafer/GW") == pytest.approx(racks * 6912 / 316.8)
    bits_a_wafer = 0.4 / 8 * 70_686 * 0.85
    assert ceiling.lpddr_wafers_per_gw(rack).value("wafer/GW") == pytest.approx(racks * 54_264 / bits_a_wafer)
    assert ceiling.gpus_per_gw(rack.plain) * 1e9 == pytest.approx(racks * 72)
