"""How many gigawatts of accelerators a year the world's EUV tools can print.

Two routes to the wafers behind a gigawatt: an analyst's wafer counts (`passes_per_gw`), and a count up from
racks, packages and dies (`gpus_per_gw` and the wafers functions). Plain arguments are in base units: watts,
seconds, bytes, square metres.
"""
from ..number import GPU, per_unit

PER_TOOL, ONE_PASS, WAFER = per_unit("tool"), per_unit("exposure/wafer"), per_unit("wafer")


def passes_per_gw(wafers, exposures):
    """EUV exposures per unit of power built:
    sum over products of wafers per watt times EUV exposures per wafer."""
    return sum(w * e for w, e in zip(wafers, exposures, strict=True))


def passes_per_tool(throughput, duty):
    """Exposures one tool makes per unit of time: wafers an hour while it runs,
    times the share of the calendar it runs."""
    return throughput * ONE_PASS / PER_TOOL * duty


def tools_per_gw(passes, per_tool):
    """Tools busy all year for each gigawatt built that year (tool-years per gigawatt)."""
    return passes / per_tool


def ceiling(fleet, tools):
    """Gigawatts a year that `fleet` tools can print at `tools` tool-years per gigawatt."""
    return fleet / tools


def from_records(wafers, layers, field, shipped, plan, ramp):  # noqa: PLR0917 (ranges.py: a record a place)
    """The ceiling from records of its inputs: wafers behind a gigawatt and EUV layers on each, by product;
    what a tool does in the field; tools shipped so far; the yearly output planned;
    the years over which it rises."""
    passes = passes_per_gw([wafers.n3, wafers.n5, wafers.dram], [layers.n3, layers.n5, layers.dram])
    per_tool = passes_per_tool(field.field_throughput, field.availability)
    fleet = fleet_after(shipped.cumulative_2025, plan.tools_2026, plan.tools_2030, ramp.years, plan.years)
    return ceiling(fleet, tools_per_gw(passes, per_tool))


def gpus_per_gw(rack):
    """GPU packages per unit of site power: rack power raised by the site's overhead (PUE)."""
    return rack.gpus / (rack.rack_power * rack.pue)


def logic_wafers_per_gw(rack):
    """3 nm wafers for the GPU dies alone; CPUs, switches and network chips are not counted."""
    return gpus_per_gw(rack) * rack.compute_dies / (rack.gross_dies * rack.die_yield)


def hbm_wafers_per_gw(rack):
    """DRAM wafers for the HBM stacks, by dies: stacks per GPU, dies per stack, good dies per wafer."""
    return (gpus_per_gw(rack) * rack.hbm_stacks * rack.dies_per_stack
            / (rack.dram_dies_per_wafer * rack.dram_yield))


def lpddr_wafers_per_gw(rack):
    """DRAM wafers for the processors' memory: what a rack holds beyond HBM, by bits per area."""
    per_gpu = rack.fast_memory / rack.gpus - rack.hbm_capacity / GPU
    return dram_wafers(gpus_per_gw(rack) * per_gpu, rack.lpddr_bit_density, rack.wafer_area, rack.lpddr_yield)


def dram_wafers(capacity, density, wafer_area, good):
    """Wafers for a memory `capacity` (bytes, or bytes per watt) at a bit density per area
    and a share of good dies."""
    return capacity / (density * wafer_area * good) * WAFER


def fleet_after(installed, first_year, last_year, n_years, years):
    """Tools in the field `years` into a plan whose yearly output rises evenly from first_year
    to last_year over n_years.

    first_year is the yearly rate at the start and last_year the one at the end; none is retired. At years =
    n_years this is installed + n_years * (first_year + last_year) / 2.
    """
    return installed + first_year * years + (last_year - first_year) * years ** 2 / (2 * n_years)


def fleet_in_todays_tools(installed, first_year, last_year, n_years, years, *, gain):
    """The fleet of `fleet_after`, each new tool counted at the speed of its year of shipment.

    Speed of new tools rises evenly by `gain` (0.5 for half as fast again) over n_years; installed tools keep
    theirs. With output r(s) and speed 1 + gain * s / n,
    this is installed plus the integral of their product from 0 to `years`.
    """
    growth = (last_year - first_year) / n_years
    sooner = first_year * years + growth * years ** 2 / 2
    faster = gain / n_years * (first_year * years ** 2 / 2 + growth * years ** 3 / 3)
    return installed + sooner + faster
