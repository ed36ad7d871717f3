"""facts.py: the real data, and each mistake that a data file can hold."""
import re

import pytest

from computetrades.data import DataError
from computetrades.facts import TextFact, all_facts, all_leaves, facts, leaf_of, references
from computetrades.number import Number

BIB = "@misc{acme-2025, title={Acme datasheet}, author={Doe, Jane}, year={2025}, url={https://example.org}}\n"
HEAD = "chip-a:\n  label: Chip A\n  source: acme-2025\n  as_of: 2026-01-31\n  kind: vendor\n"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Writes facts files into a fresh data folder that the loaders read from then on."""
    monkeypatch.setenv("COMPUTETRADES_DATA", str(tmp_path / "data"))
    (tmp_path / "data/facts").mkdir(parents=True)
    (tmp_path / "references.bib").write_text(BIB)

    def write(**files):
        for name, content in files.items():
            (tmp_path / f"data/facts/{name}.yaml").write_text(content)
    return write


def without(field):
    return "".join(line for line in (HEAD + "  memory: 80 GB\n").splitlines(True)
                   if not line.startswith(f"  {field}:"))


MISTAKES = {  # a file's content -> what the message must name: record, field, remedy
    "unknown unit": (HEAD + "  memory: 80 KB", ["chip-a", "memory", "'KB'", "kB (1,000 bytes)"]),
    "missing source": (without("source"), ["chip-a", "memory", "'source' is missing", "add"]),
    "missing date": (without("as_of"), ["chip-a", "memory", "'as_of' is missing", "add"]),
    "missing label": (without("label"), ["chip-a", "'label' is missing", "add"]),
    "unknown reference": (HEAD + "  memory: {value: 80 GB, source: acme-2024}",
                          ["chip-a", "memory", "'acme-2024'", "did you mean 'acme-2025'"]),
    "unknown reference of another figure": (
        HEAD + "  memory: {value: 80 GB, others: [{value: 79 GB, source: acne-2025, as_of: 2026}]}",
        ["chip-a", "memory", "did you mean 'acme-2025'"]),
    "other figure of another kind": (
        HEAD + "  memory: {value: 80 GB, others: [{value: 79 s, source: acme-2025, as_of: 2026}]}",
        ["chip-a", "memory", "in s", "in GB"]),
    "duplicate in one file": (HEAD + "  memory: 80 GB\n" + HEAD, [":7", "chip-a", "rename"]),
    "field given twice": (HEAD + "  memory: 80 GB\n  memory: 96 GB", [":7", "memory", "remove one"]),
    "low above value": (HEAD + "  memory: {value: 80 GB, low: 90}",
                        ["chip-a", "memory", "low 90 is above value 80", "correct"]),
    "high below value": (HEAD + "  memory: {value: 80 GB, high: 70}",
                         ["chip-a", "memory", "high 70 is below value 80", "correct"]),
    "impossible date": (HEAD + "  memory: {value: 80 GB, as_of: 2026-02-30}",
                        ["chip-a", "memory", "as_of", "YYYY-MM-DD"]),
    "impossible month": (HEAD + "  memory: {value: 80 GB, as_of: 2026-13}",
                         ["chip-a", "memory", "as_of", "YYYY-MM"]),
    "not a date": (HEAD + "  memory: {value: 80 GB, as_of: last week}",
                   ["chip-a", "memory", "as_of", "YYYY-MM-DD"]),
    "YAML syntax": (HEAD + "  memory: [80 GB\n  power: 700 W\n", [":7", "YAML"]),
    "unknown field": (HEAD + "  memory: {value: 80 GB, secundary: true}",
                      ["chip-a", "memory", "'secundary'", "did you mean 'secondary'"]),
    "unknown kind": (HEAD + "  memory: {value: 80 GB, kind: rumour}",
                     ["chip-a", "memory", "'hearsay'", "'rumour'"]),
    "value and text": (HEAD + "  memory: {value: 80 GB, text: eighty}", ["chip-a", "memory", "only one"]),
    "neither value nor text": (HEAD + "  memory: {note: forgotten}",
                               ["chip-a", "memory", "'value'", "'text'"]),
    "no number": (HEAD + "  memory: lots", ["chip-a", "memory", "'lots'", "'80 GB'"]),
    "range of a text": (HEAD + "  memory: {text: eighty, low: 3}", ["chip-a", "memory", "low"]),
    "bad record key": (HEAD.replace("chip-a", "Chip_A") + "  memory: 80 GB", ["'Chip_A'", "dashes"]),
    "field that no prose can quote": (HEAD + "  HBM-Size: 80 GB", ["chip-a", "'HBM-Size'"]),
    "record that is not a mapping": ("chip-a: 80 GB", ["chip-a", "mapping"]),
    "file that is not a mapping": ("- chip-a", ["mapping"]),
}


@pytest.mark.parametrize("content, named", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_record_field_and_remedy(data, content, named):
    data(chips=content)
    with pytest.raises(DataError) as error:
        all_facts()
    assert all(word in str(error.value) for word in ["chips.yaml", *named]), str(error.value)


def test_a_duplicate_across_files_names_both(data):
    data(chips=HEAD + "  memory: 80 GB\n", zips=HEAD + "  memory: 96 GB\n")
    with pytest.raises(DataError, match="zips.yaml: record 'chip-a'.*chips.yaml.*rename"):
        all_facts()


def test_a_broken_bibliography_is_named(data, tmp_path):
    (tmp_path / "references.bib").write_text("@misc{acme-2025, title={Acme")
    data(chips=HEAD)
    with pytest.raises(DataError, match="references.bib"):
        all_facts()


def test_a_fact_takes_its_records_defaults_and_its_own_exceptions(data):
    data(chips=HEAD + "  hbm_memory: {value: 80 GB, low: 79, high: 85, kind: measured, as_of: 2026-02}\n"
                      "  tdp: 700 W\n  maker: {text: Acme}\n")
    chip = facts("chip-a")
    leaf = leaf_of(chip.hbm_memory)
    assert ((leaf.key, leaf.label, leaf.kind, leaf.as_of)
            == ("chip-a.hbm-memory", "Chip A: HBM memory", "measured", "2026-02"))
    assert (leaf.low.to("GB").magnitude, leaf.high.to("MB").magnitude) == (79, 85_000)
    assert ((leaf_of(chip.tdp).kind, leaf_of(chip.tdp).source, leaf_of(chip.tdp).as_of)
            == ("vendor", "acme-2025", "2026-01-31"))
    assert chip.maker == "Acme" and isinstance(chip.maker, TextFact) and chip.maker.leaf.source == "acme-2025"
    assert vars(chip.plain) == {"hbm_memory": 80 * 10**9, "tdp": 700}
    assert "tdp" in chip and "tpd" not in chip


def test_a_wrong_record_or_field_names_the_nearest(data):
    data(chips=HEAD + "  memory: 80 GB\n")
    with pytest.raises(DataError, match="'chip-b'.*did you mean 'chip-a'"):
        facts("chip-b")
    with pytest.raises(AttributeError, match="'memry'.*did you mean 'memory'"):
        facts("chip-a").memry


def test_a_reference_tells_who_when_and_what(data):
    data(chips=HEAD)
    assert references()["acme-2025"].short == "Doe 2025, Acme datasheet"


def test_every_real_fact_has_a_source_a_date_and_a_quotable_key():
    for key, leaf in all_leaves().items():
        assert leaf.source in references() and re.match(r"\d{4}", leaf.as_of), key
        assert all(other.source in references() for other in leaf.others), key
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*", key)


def test_every_real_fact_lies_within_its_range():
    for record in all_facts().values():
        for n in (n for n in record.fields.values() if isinstance(n, Number)):
            leaf = leaf_of(n)
            assert leaf.low is None or leaf.low <= leaf.quantity, leaf.key
            assert leaf.high is None or leaf.high >= leaf.quantity, leaf.key


def test_known_physics_is_read_right():
    h100 = facts("h100-sxm")
    assert h100.hbm_bandwidth.value("GB/s") == pytest.approx(3350)
    assert h100.plain.hbm_capacity == 80_000_000_000
    assert facts("llama-3-70b").n_layers.value() == 80 and facts("llama-3-70b").attention == "gqa"


def test_every_real_reference_has_a_title_and_a_date():
    assert all(ref.title and re.match(r"\d{4}", ref.date) for ref in references().values())
