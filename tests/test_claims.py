"""claims.py: the essay's claims as they stand, and each mistake that a claims file can hold."""
import pytest

from computetrades.claims import all_claims, claim
from computetrades.data import DataError
from computetrades.units import Quantity, parse_unit

CLAIM = "- id: claim-a\n  section: station-01\n  line: 5\n  claim: Something stated\n  kind: fact\n"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Writes claims files into a fresh data folder that the loader reads from then on."""
    monkeypatch.setenv("COMPUTETRADES_DATA", str(tmp_path / "data"))
    (tmp_path / "data/claims").mkdir(parents=True)
    (tmp_path / "references.bib").write_text("")

    def write(files):
        for name, content in files.items():
            (tmp_path / f"data/claims/{name}.yaml").write_text(content)
    return write


def stated(rest):
    return CLAIM + "  stated: {text: as printed, " + rest + "}\n"


MISTAKES = {  # a file's content -> what the message must name: claim, field, remedy
    "unknown unit": (stated("hedge: exact, value: 3, unit: KB"),
                     ["claim-a", "stated", "'KB'", "kB (1,000 bytes)"]),
    "missing line": (CLAIM.replace("  line: 5\n", ""), ["claim-a", "'line' is missing", "add"]),
    "missing hedge": (stated("value: 3"), ["claim-a", "hedge", "missing", "add"]),
    "unknown hedge": (stated("hedge: maybe, value: 3"), ["claim-a", "hedge", "'about'", "'maybe'"]),
    "unknown field": (CLAIM.replace("section", "sektion"),
                      ["claim-a", "'sektion'", "did you mean 'section'"]),
    "unknown stated field": (stated("hedge: exact, vlue: 3"), ["claim-a", "vlue", "did you mean 'value'"]),
    "half a range": (stated("hedge: exact, low: 3"), ["claim-a", "stated", "both 'low' and 'high'"]),
    "low above high": (stated("hedge: exact, low: 3, high: 2"),
                       ["claim-a", "stated", "low 3 is above high 2", "swap"]),
    "value and words": (stated("hedge: exact, value: 3, says: three"),
                        ["claim-a", "stated", "value", "says"]),
    "impossible date": (stated("hedge: exact, date: 2026-02-30"), ["claim-a", "date", "YYYY-MM-DD"]),
    "no number": (stated("hedge: exact, value: three"), ["claim-a", "value", "'three'"]),
    "duplicate in one file": (CLAIM + CLAIM, ["claim-a", "duplicate", "rename"]),
    "YAML syntax": (CLAIM + "  stated: [\n", [":7", "YAML"]),
    "field given twice": (CLAIM + "  line: 6\n", [":6", "line", "remove one"]),
    "claim that is not a mapping": ("- claim-a\n", ["number 1", "field: value"]),
    "file that is not a list": ("claim-a: 5\n", ["- id:"]),
}


@pytest.mark.parametrize("content, named", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_claim_field_and_remedy(data, content, named):
    data({"01-request": content})
    with pytest.raises(DataError) as error:
        all_claims()
    assert all(word in str(error.value) for word in ["01-request.yaml", *named]), str(error.value)


def test_a_duplicate_across_files_names_both(data):
    data({"01-request": CLAIM, "02-cache": CLAIM})
    with pytest.raises(DataError, match="02-cache.yaml: claim 'claim-a'.*01-request.yaml.*rename"):
        all_claims()


def test_a_claim_may_state_nothing_one_value_or_several(data):
    second = (CLAIM.replace("claim-a", "claim-b")
              + "  stated:\n  - {text: '3', hedge: exact, value: 3}\n"
                "  - {text: May, hedge: exact, date: 2026-05}\n")
    data({"01-request": CLAIM + second})
    assert [len(c.stated) for c in all_claims().values()] == [0, 2]
    assert (claim("claim-a").chapter, claim("claim-b").stated[1].date) == ("01-request", "2026-05")


def test_a_wrong_id_names_the_nearest(data):
    data({"01-request": CLAIM})
    with pytest.raises(DataError, match="'claim-z'.*did you mean 'claim-a'"):
        claim("claim-z")


def test_the_essay_makes_1029_claims_with_unique_ids():
    assert len(all_claims()) == 1029 == len({c.id for c in all_claims().values()})
    assert all(key == c.id for key, c in all_claims().items())


def test_claims_come_in_the_order_of_chapters_and_lines():
    chapters = [c.chapter for c in all_claims().values()]
    assert chapters == sorted(chapters) and len(set(chapters)) == 32
    for chapter in set(chapters):
        lines = [c.line for c in all_claims().values() if c.chapter == chapter]
        assert lines == sorted(lines), chapter


def test_a_stated_value_takes_one_form_and_a_unit_that_scales():
    for c in all_claims().values():
        for s in c.stated:
            forms = [s.value is not None, s.low is not None, bool(s.values), bool(s.says), bool(s.date)]
            assert sum(forms) <= 1, c.id
            assert Quantity(1, parse_unit(s.unit)).to_root_units().magnitude != 0
