"""What the steps of a run have to say, over its page: annotations lead to their line, summaries are laid out."""

from engine.store.logs.index import Mark
from engine.store.logs.writer import LogWriter, Progress
from engine.store.queue import StepNews
from tests.app.tui.harness import tui_over
from tests.engine.fakes import FAILURE, jobs

LINES = b"".join(b"line %d\n" % number for number in range(500))
ERROR = b"##[error]a.c:3: no such thing\n"


def broken_run(site):
    site.lab.run(jobs(build="", test=""))
    for name in ("build", "test"):
        lease, now = site.lab.start(), site.lab.clock.now()
        site.lab.store.queue.begin(lease, ["Compile"], None)
        job = site.lab.job(lease.job_id)
        log = LogWriter(site.lab.store.log_path(job.run_id, job.id, lease.number), 1 << 20)
        log.begin_step(0, now)
        data = LINES + ERROR + LINES
        log.append(0, data, Progress(len(data)), now, [(Mark.ERROR, len(LINES), len(LINES + ERROR))])
        log.end_step(0, now)
        log.close()
        news = [StepNews(0, "started", now), StepNews(0, "failed", now, 1, summary=f"# Of {name}\n\n**3** failed")]
        site.lab.store.queue.steps(lease, news)
        place = {"file": f"{name}.c", "line": 3, "log_start": len(LINES), "code": "C17"}
        said = {"step": 0, "level": "error", "message": f"no [b]{name}[/b]\x1b[2J", "properties": place}
        site.lab.store.queue.annotate(lease, [said])
        site.lab.finish(lease, FAILURE)


def test_an_annotation_leads_to_its_line_in_the_log(site):
    broken_run(site)

    async def deed(tui):
        await tui.press("enter")
        await tui.shows("build", "test")
        await tui.press("A")
        await tui.shows("2 annotations", "build.c:3", "test.c:3", "no [b]test[/b]", "[C17]")
        await tui.press("down", "enter")
        await tui.hides("2 annotations")
        await tui.shows("line 501 of 1,001", "a.c:3: no such thing")
        assert "test" in tui.lines[0]

    tui_over(site, deed, size=(160, 50))


def test_summaries_are_laid_out_over_the_page(site):
    broken_run(site)

    async def deed(tui):
        await tui.press("enter")
        await tui.shows("build", "test")
        await tui.press("S")
        await tui.shows("build, Compile", "Of build", "3 failed", "Of test")
        assert "**3**" not in tui.text
        await tui.press("escape")
        await tui.hides("Of build")

    tui_over(site, deed)


def test_a_run_without_remarks_says_so(site):
    site.lab.run(jobs(a=""))

    async def deed(tui):
        await tui.press("enter")
        await tui.shows("queued")
        await tui.press("S")
        await tui.until(lambda: any("summary" in said for said in tui.told))
        await tui.press("A")
        await tui.until(lambda: any("warning" in said for said in tui.told))

    tui_over(site, deed)
