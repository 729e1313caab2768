"""`treadle diff`: marks and numbers, the same from a home and over the network, and nothing of a log commands."""

import json

from tests.app.server.site import Site
from tests.app.server.tries import played

GOOD = ("test", "success", "begin\na took 12 ms\nb passed\nend\n")
BAD = ("test", "failed", "begin\na took 99 ms\nb failed\x1b]0;owned\x07 \x1b[31mred\x1b[0m\nend\n")


def test_new_and_gone_lines_have_their_marks_and_numbers(site: Site, treadle):
    green = played(site.lab, GOOD)
    red = played(site.lab, BAD)
    code, out, err = treadle("diff", f"j{red.job_id}")
    assert code == 0
    assert out.splitlines() == [
        f"a, attempt 1: test; against #1 (r{green.run_id}) on main 11111111",
        "1   begin",
        "2   a took 99 ms",
        "3 - b passed",
        "3 + b failed red",
        "4   end",
    ]
    assert err == "lines: 1 new, 1 gone; the last green run on the same branch.\n"


def test_json_is_what_the_api_tells(site: Site, treadle):
    played(site.lab, GOOD)
    red = played(site.lab, BAD)
    told = site.get(f"/api/v1/jobs/{red.job_id}/diff?step=0").json
    code, out, _ = treadle("diff", red.job_id, "--json", "--step", 0)
    assert (code, json.loads(out)) == (0, told)


def test_another_job_or_run_may_be_named(site: Site, treadle):
    one, red = played(site.lab, BAD), played(site.lab, BAD)
    for name in (f"j{one.job_id}", f"r{one.run_id}"):
        code, out, err = treadle("diff", red.job_id, "--against", name)
        assert (code, err) == (0, "nothing differs but what differs at every run.\n")
        assert out.splitlines()[1:] == ["    ... 4 lines alike"]


def test_where_there_is_nothing_to_compare_that_is_said(site: Site, treadle):
    red = played(site.lab, BAD)
    code, out, err = treadle("diff", red.job_id)
    assert (code, out) == (1, "")
    assert "has never been in a green run" in err
    code, out, err = treadle("diff", red.job_id, "--against", "previous")
    assert (code, out, "has none before it" in err) == (1, "", True)
