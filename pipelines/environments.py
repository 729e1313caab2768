"""`environment:` of a job, evaluated: its name, and where what it deploys can be seen."""

from pipelines.evaluation import Contexts
from pipelines.model import Job
from pipelines.template import Template


def environment_name(job: Job, contexts: Contexts) -> str:
    """Return the environment that a job goes into, "" for none. Raises ExpressionError."""
    name = job.environment.get("name") if isinstance(job.environment, dict) else job.environment
    return name.string(contexts).strip() if isinstance(name, Template) else ""


def environment_url(job: Job, contexts: Contexts) -> str:
    """Return the url that a job gives of its environment, "" for none. Raises ExpressionError."""
    url = job.environment.get("url") if isinstance(job.environment, dict) else None
    return url.string(contexts).strip() if isinstance(url, Template) else ""
