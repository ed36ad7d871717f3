"""benchmarks/machines.py: what it takes for another machine, and the arithmetic of its table."""
import subprocess

import pytest

from benchmarks import machines


def test_room_is_the_distance_to_the_next_rounding_in_spreads():
    """By hand: 1.3419 and 1.3420 round to 1.342 at four digits, otherwise from 1.3415 down,
    four spreads of 0.0001 away."""
    assert machines.room([1.3419, 1.3420], 4) == pytest.approx(4, rel=1e-6)
    assert machines.room([7.4162, 7.4163], 4) == pytest.approx(2, rel=1e-6)
    assert machines.room([-0.18401, -0.18402], 3) == pytest.approx(48, rel=1e-6)


@pytest.mark.parametrize("name, families", [("no fonts", 0), ("Liberation's fonts", 1)])
def test_a_setting_decides_which_fonts_the_system_has(name, families, tmp_path):
    if not machines.FONTS.joinpath("liberation").is_dir():
        pytest.skip("Debian's fonts-liberation is not installed, so the settings of fonts cannot be tried")
    listed = subprocess.run(["fc-list", ":", "family"], env=machines.environment(name, tmp_path),
                            capture_output=True, text=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == ({"Liberation"} if families else set())


def test_an_unknown_setting_is_named_with_those_there_are(tmp_path):
    with pytest.raises(SystemExit, match="'windows'.*'one thread'"):
        machines.environment("windows", tmp_path)
