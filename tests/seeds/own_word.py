# SPDX-License-Identifier: Apache-2.0
"""Each guide's own migrate command with the word `stillhead` in place of `alembic`.

The word is replaced in the guide's lines and in the project's files (compose files, Makefile, Dockerfile, scripts,
manifests). `--tool alembic` leaves the word, which proves the cases.
"""
import re
from collections.abc import Callable

import judge
from stage import Containers, Failed, at, done_by_alembic, in_order, need, pod_environment, parsed, played
from system import System

WORDS = re.compile(r'alembic(?= (?:upgrade|downgrade|current|history|revision)|", "upgrade")')
SCRIPT = (("python scripts/run_migrations.py", "{} upgrade head"),
          ('"python", "scripts/run_migrations.py"', '"{}", "upgrade", "head"'))
FILES = ("Makefile", "*.sh", "docker-compose*.yml", "**/Dockerfile", "k8s/*.yaml", ".github/workflows/*.yml")


def word(system: System) -> str:
    return "stillhead" if system.tool == "stillhead" else "alembic"


def replaced(system: System, text: str) -> str:
    text = WORDS.sub(word(system), text)
    for old, new in SCRIPT:
        text = text.replace(old, new.format(word(system)))
    return text


def replace_in_files(system: System) -> None:
    for pattern in FILES:
        for path in system.project.glob(pattern):
            path.write_text(replaced(system, path.read_text(encoding="utf-8")), encoding="utf-8")


def twice(system: System, docker: Containers, line: str, end: str) -> None:
    """The line migrates; the second time there is nothing to do."""
    for _ in range(2):
        outcome = docker.well(replaced(system, line))
        at(system, end)
    need("Running upgrade" not in outcome.stderr, "the second run migrates again", outcome)


def release(system: System, docker: Containers) -> None:
    """docker compose -f docker-compose.prod.yml exec -T backend alembic upgrade head"""
    docker.well("docker compose -f docker-compose.prod.yml up -d --wait")
    twice(system, docker, "docker compose -f docker-compose.prod.yml exec -T backend alembic upgrade head", "000-08")


def migrate_service(system: System, docker: Containers) -> None:
    """command: alembic upgrade head (service migrate of docker-compose.prod.yml)"""
    docker.well("docker-compose -f docker-compose.prod.yml up -d")
    at(system, "001-47")
    in_order(docker.events(), "end migrate 0", "serve backend")
    twice(system, docker, "docker-compose -f docker-compose.prod.yml run --rm migrate", "001-47")


def make_migrate_upgrade(system: System, docker: Containers) -> None:
    """make migrate-downgrade, make migrate-upgrade"""
    docker.well("make -s dev && make -s migrate-downgrade")
    at(system, "001-06")
    twice(system, docker, "make -s migrate-upgrade", "001-08")


def migrate_then_serve(system: System, docker: Containers) -> None:
    """uv run alembic upgrade head && uvicorn ... (service web)"""
    docker.well("docker-compose up -d")
    in_order(docker.events(), "start web", "serve web")
    at(system, "002-45")


def migration_image(system: System, docker: Containers) -> None:
    """CMD ["alembic", "upgrade", "head"]"""
    twice(system, docker, "docker-compose -f docker-compose.prod.yml run --rm migrate", "002-45")


def with_baseline(system: System) -> None:
    done_by_alembic(system, "003-43", "003-44")
    system.prepare({"files": system.step("003-45")["files"]})


def before_the_workers(system: System, docker: Containers) -> None:
    """docker exec -w /app fishmouth_backend alembic upgrade head"""
    with_baseline(system)
    docker.well("docker-compose up -d backend")
    twice(system, docker, "docker exec -w /app fishmouth_backend alembic upgrade head", "003-46")


def deploy_script(system: System, docker: Containers) -> None:
    """deploy.sh (uvicorn only says that it is started)"""
    with_baseline(system)
    docker.program("uvicorn", 'echo "uvicorn $*"\n')
    url = system.step("003-49")
    environment = system.environment(url)
    outcome = docker.shell("cd backend && bash ../deploy.sh", DATABASE_URL=environment["DATABASE_URL"])
    need(outcome.exit == 0 and outcome.stdout.endswith("uvicorn main:app --host 0.0.0.0 --port 8000\n"),
         "the script does not start the application", outcome)
    at(system, "003-46")


def one_of_the_services(system: System, docker: Containers) -> None:
    """command: python scripts/run_migrations.py (service migrate of docker-compose.yml)"""
    docker.well("docker-compose up -d")
    in_order(docker.events(), "end migrate 0", "serve admin_ui")
    twice(system, docker, "docker-compose run --rm migrate", "004-34")


def starters_at_once(system: System, _docker: Containers) -> None:
    """command: ["python", "scripts/run_migrations.py"] (init container, 4 at once)"""
    pod = parsed(system, system.project / "k8s/admin-ui-deployment.yaml")["spec"]["template"]["spec"]
    container = pod["initContainers"][0]
    # Alembic itself has no lock, so it cannot be started several times at once.
    times = 4 if system.tool == "stillhead" else 1
    outcomes = system.run(container["command"], ".", pod_environment(system, container), times)
    for outcome in outcomes:
        need(outcome.exit == 0, "one of the starters fails", outcome)
    lines = [line for outcome in outcomes for line in judge.RUNNING.findall(outcome.stderr)]
    need(sorted(lines) == system.step("004-30")["expect"]["running_upgrade_lines"],
         f"revisions were not applied once each: {lines}")
    at(system, "004-34")


CASES: dict[str, tuple[Callable[[System, Containers], None], ...]] = {
    "000": (release,),
    "001": (migrate_service, make_migrate_upgrade),
    "002": (migrate_then_serve, migration_image),
    "003": (before_the_workers, deploy_script),
    "004": (one_of_the_services, starters_at_once),
}


def cases(system: System, chosen: set[str]):
    """Yields (name, what the guide says, what is wrong) of those that `chosen` names, or their system; all if empty."""
    for case in CASES.get(system.name[:3], ()):
        name, problems = f"{system.name[:3]}-{case.__name__}", []
        if chosen and not chosen & {name, system.name, system.name[:3]}:
            continue
        try:
            with played(system) as (other, docker):
                replace_in_files(other)
                case(other, docker)
        except Failed as error:
            problems = [str(error)]
        yield name, f"{case.__doc__}, with the word {word(system)}", problems
