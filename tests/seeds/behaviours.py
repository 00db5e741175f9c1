# SPDX-License-Identifier: Apache-2.0
"""The steps of the kind "behaviour": what is run for each, where more than its command is to be run.

A function is the test of the step that stands over it. Its first line says what is run; where containers are
named, containers.py plays Docker's part: the services' commands run on this machine as the files say.
"""
import pathlib
import shlex
from collections.abc import Callable

import judge
import placeholders
from stage import (Containers, Failed, at, database_variables, done_by_alembic, empty, in_order, need, parsed, played,
                   pod_environment, put, restored)
from system import System

TESTS: dict[str, Callable[[System], None]] = {}
BACKOFF_LIMIT = 6  # Kubernetes' own for a Job that names none


def behaviour(*steps: str):
    def register(function):
        TESTS.update(dict.fromkeys(steps, function))
        return function
    return register


def problems(system: System, step: dict) -> list[str]:
    """What is wrong, beside what the step's command did."""
    test = TESTS.get(step["id"])
    if test is None:
        return [] if step.get("command") else ["has neither a command nor a function in behaviours.py"]
    try:
        test(system)
    except (Failed, placeholders.Unbound) as error:
        return [f"{test.__name__}: {error}"]
    return []


# 000: the application migrates when it starts; a CI step migrates in the running container.
BROKEN_000 = ("src/backend-fastapi/alembic/versions/7ac3956be487_broken.py", "steps/7ac3956be487_broken.py")


@behaviour("000-43")
def log_speaks_of_migrations(system: System) -> None:
    """uvicorn is started by both compose files, and with a broken revision; its log is searched as in the guide."""
    search = "docker-compose logs backend | grep migration"
    with played(system) as (other, docker):
        docker.well("docker-compose up -d")
        ran = docker.well(search)
        need("Running database migrations" in ran.stdout, "the log does not say that migrations ran", ran)
        at(other, "000-08")
        put(other, *BROKEN_000)
        docker.well("docker-compose down; docker-compose up -d")
        failed = docker.well(search)
        need("action=run_migrations status=failed" in failed.stdout, "the log does not say that one failed", failed)
        need(docker.events()[-1].startswith("end backend"), "the application goes on after a failed migration")
        docker.well("docker-compose down; docker-compose -f docker-compose.prod.yml up -d --wait")
        skipped = docker.well(search)
        need("Skipping migrations" in skipped.stdout.splitlines()[-1], "the log does not say that they were skipped",
             skipped)


@behaviour("000-44")
def release_workflow(system: System) -> None:
    """The `run` of the workflow's step in a shell, on an empty database and with a broken revision."""
    with played(system) as (other, docker):
        script = workflow(other, "cd-release.yml")["release"]["steps"][-1]["run"]
        docker.well(script)
        in_order(docker.events(), "start db", "serve backend")
        at(other, "000-08")
        put(other, *BROKEN_000)
        failed = docker.shell(script)
        need(failed.exit != 0, "the step ends well although the migration failed", failed)
        at(other, "000-08")


@behaviour("000-45")
def backup_000(system: System) -> None:
    """The file that pg_dump has written is restored."""
    restored(system, "backup.sql")


# 001: a service of its own migrates, the others wait for it.
PRODUCTION = "docker-compose -f docker-compose.prod.yml"
DEVELOPMENT = "docker-compose -f docker-compose.dev.yml"
BROKEN_001 = ("backend/alembic/versions/ff6518293a4b_broken.py", "steps/ff6518293a4b_broken.py")


@behaviour("001-46")
def migrate_waits_for_database(system: System) -> None:
    """`up` with a server that does not answer the healthcheck, and with one that does."""
    with played(system, reachable=False) as (_, docker):
        need(docker.shell(f"{PRODUCTION} up -d").exit != 0, "`up` ends well although db is not healthy")
        need("start migrate" not in docker.events(), "migrate was started although db is not healthy")
    with played(system) as (_, docker):
        docker.well(f"{PRODUCTION} up -d")
        in_order(docker.events(), "start db", "start migrate")


@behaviour("001-49")
def backend_waits_for_migrate(system: System) -> None:
    """`up` of all services on an empty database, and again."""
    with played(system) as (other, docker):
        for _ in range(2):
            docker.forget_events()
            docker.well(f"{PRODUCTION} up -d")
            in_order(docker.events(), "start db", "start migrate", "end migrate 0", "start backend",
                     "serve backend", "start frontend")
            at(other, "001-47")
            docker.well(f"{PRODUCTION} down")


@behaviour("001-50")
def failed_migrate_holds_backend_back(system: System) -> None:
    """`up` of all services with a broken revision."""
    with played(system) as (other, docker):
        put(other, *BROKEN_001)
        outcome = docker.shell(f"{PRODUCTION} up -d")
        need(outcome.exit != 0, "`up` ends well although migrate failed", outcome)
        need("start backend" not in docker.events(), "backend was started although migrate failed")
        empty(other)


@behaviour("001-51", "001-52")
def migrate_by_hand(system: System) -> None:
    """`run --rm migrate`, then `up` of the application's services."""
    with played(system) as (other, docker):
        docker.well(f"{PRODUCTION} run --rm migrate")
        at(other, "001-47")
        docker.well(f"{PRODUCTION} up -d backend frontend nginx")
        in_order(docker.events(), "end migrate 0", "serve backend", "start frontend", "start nginx")
        at(other, "001-47")


@behaviour("001-53")
def deploy_workflow_001(system: System) -> None:
    """The steps of the workflow in a shell each, in order, until one fails."""
    with played(system) as (other, docker):
        steps = [step["run"] for step in workflow(other, "deploy.yml")["deploy"]["steps"] if "run" in step]
        need(steps_done(docker, steps) == len(steps), "the pipeline stops")
        at(other, "001-47")
        in_order(docker.events(), "start db", "serve backend")
        docker.well(f"{PRODUCTION} down")
        docker.forget_events()
        put(other, *BROKEN_001)
        need(steps_done(docker, steps) == 0, "the pipeline goes on after a failed migration")
        need("start backend" not in docker.events(), "the application was started after a failed migration")


@behaviour("001-54")
def log_of_migrate(system: System) -> None:
    """`logs migrate` after a good run and a failed one."""
    with played(system) as (other, docker):
        docker.well(f"{DEVELOPMENT} up -d")
        log = docker.well(f"{DEVELOPMENT} logs migrate")
        for text in other.step("001-47")["expect"]["stderr_has"]:
            need(text in log.stdout, f"the log lacks {text!r}", log)
        docker.well(f"{DEVELOPMENT} down")
        put(other, *BROKEN_001)
        docker.shell(f"{DEVELOPMENT} up -d")
        log = docker.well(f"{DEVELOPMENT} logs migrate")
        for text in other.step("001-50")["expect"]["stderr_has"]:
            need(text in log.stdout, f"the log of the failed run lacks {text!r}", log)


@behaviour("001-55")
def shell_of_backend(system: System) -> None:
    """`make backend-shell` with both commands typed into it."""
    with played(system) as (other, docker):
        docker.well(f"{DEVELOPMENT} up -d")
        outcome = docker.well("printf 'alembic history\\nalembic current\\n' | make -s backend-shell")
        wanted = other.step("001-03")["expect"]["stdout"] + other.step("001-05")["expect"]["stdout"]
        need(outcome.stdout == wanted, "printed:" + judge.difference(wanted, outcome.stdout))


@behaviour("001-56")
def clean_slate(system: System) -> None:
    """`make clean`, then `make dev`."""
    with played(system) as (other, docker):
        docker.well("make -s dev")
        docker.well("make -s clean")
        empty(other)
        docker.well("make -s dev")
        at(other, "001-47")


@behaviour("001-57")
def make_targets(system: System) -> None:
    """`make dev`, then every target of the Makefile that calls Alembic."""
    with played(system) as (other, docker):
        docker.well("make -s dev")
        at(other, "001-47")
        in_order(docker.events(), "end migrate 0", "serve backend")
        need(docker.well("make -s migrate-current").stdout == other.step("001-05")["expect"]["stdout"],
             "migrate-current does not print the head")
        need(docker.well("make -s migrate-history").stdout == other.step("001-03")["expect"]["stdout"],
             "migrate-history does not print the history")
        docker.well("make -s migrate-downgrade")
        at(other, "001-06")
        docker.well("make -s migrate-upgrade")
        at(other, "001-08")
        made = docker.well("make -s migrate-create MSG='add nothing'")
        need(made.stdout.endswith("_add_nothing.py ...  done\n"), "migrate-create made no file", made)


# 002: the container of the application migrates before it serves; an image of its own migrates.
@behaviour("002-43")
def web_migrates_first(system: System) -> None:
    """`up` of the development's services; uv is a program that runs what stands behind `uv run`."""
    with played(system) as (other, docker):
        docker.well("docker-compose up -d")
        in_order(docker.events(), "start db", "start web", "serve web")
        at(other, "002-45")


@behaviour("002-44")
def web_does_not_serve(system: System) -> None:
    """The same with nothing listening at the database's address."""
    with played(system, reachable=False) as (_, docker):
        docker.shell("docker-compose up -d")
        need("serve web" not in docker.events() and "end web 0" not in docker.events(),
             f"the server was started: {docker.events()}")
        need(docker.events()[-1].startswith("end web "), f"the container goes on: {docker.events()}")


@behaviour("002-45", "002-46")
def migration_image(system: System) -> None:
    """The compose file's service, whose image has the Dockerfile's first stage, twice."""
    with played(system) as (other, docker):
        lines = (other.project / "Dockerfile").read_text().splitlines()
        need('CMD ["alembic", "upgrade", "head"]' in lines, "the image's command is another one than the step's")
        for _ in range(2):
            outcome = docker.well("docker-compose -f docker-compose.prod.yml run --rm migrate")
            at(other, "002-45")
        need("Running upgrade" not in outcome.stderr, "the second run migrates again", outcome)


@behaviour("002-47")
def backup_002(system: System) -> None:
    """The file that pg_dump has written is restored."""
    restored(system, "backup.sql")


@behaviour("002-48")
def production_backup_002(system: System) -> None:
    """The file that pg_dump has written is restored."""
    restored(system, "prod_backup.sql")


# 003: migrations before the workers start; a deploy script.
@behaviour("003-47")
def workers_wait(system: System) -> None:
    """The guide's two lines in a shell that stops at an error; Celery's broker is in its memory, in place of Redis."""
    lines = "docker exec -w /app fishmouth_backend alembic upgrade head\ndocker-compose up -d celery_worker"
    with played(system) as (other, docker):
        done_by_alembic(other, "003-43", "003-44")
        put(other, "backend/alembic/versions/ce6fc7579b8e_broken.py", "steps/ce6fc7579b8e_broken.py")
        prepared = other.step("003-45")
        other.prepare({"files": prepared["files"]})
        docker.well("docker-compose up -d postgres redis backend")
        failed = docker.shell(lines)
        need(failed.exit != 0, "the lines end well although the migration failed", failed)
        need("start celery_worker" not in docker.events(), "the worker was started after a failed migration")
        put(other, "backend/alembic/versions/ce6fc7579b8e_broken.py", None)
        docker.well(lines)
        at(other, "003-46")
        in_order(docker.events(), "serve backend", "start celery_worker", "serve celery_worker")


@behaviour("003-51")
def backup_003(system: System) -> None:
    """The file that pg_dump has written is restored."""
    restored(system, "backup.sql")


# 004: a script in a service, a Job, an init container, a CI job.
BROKEN_004 = ("backend/migrations/versions/0005_broken.py", "steps/0005_broken.py")


@behaviour("004-35")
def applications_wait(system: System) -> None:
    """`up` of all services with a broken revision, and without."""
    with played(system) as (other, docker):
        put(other, *BROKEN_004)
        need(docker.shell("docker-compose up -d").exit != 0, "`up` ends well although migrate failed")
        need(not {"start admin_ui", "start bot"} & set(docker.events()), "an application was started")
        empty(other)
        put(other, BROKEN_004[0], None)
        docker.well("docker-compose down; docker-compose up -d")
        in_order(docker.events(), "end migrate 0", "start admin_ui", "serve admin_ui")
        in_order(docker.events(), "end migrate 0", "start bot", "end bot 0")
        at(other, "004-34")


@behaviour("004-34")
def compose_runs_the_command(system: System) -> None:
    """The command of the step is that of the compose file."""
    service = parsed(system, system.project / "docker-compose.yml")["services"]["migrate"]
    need(shlex.split(service["command"]) == system.step("004-34")["command"], f"the file has {service['command']}")


@behaviour("004-36")
def job(system: System) -> None:
    """The command of the Job's container with its variables, on an empty database."""
    with system.aside() as other:
        outcome = run_container(other, job_container(other))
        need(outcome.exit == 0, "the container fails", outcome)
        at(other, "004-34")


@behaviour("004-37")
def job_is_tried_again(system: System) -> None:
    """The Job's container again and again, as restartPolicy OnFailure has it; the third time the image is mended."""
    with system.aside() as other:
        at_second = {**other.step("004-15"), "command": ["alembic", "upgrade", "0002_add_cities"]}
        other.run_step(at_second, alembics_own=True)
        put(other, *BROKEN_004)
        container, outcomes = job_container(other), []
        for attempt in range(1 + BACKOFF_LIMIT):
            if attempt == 2:
                put(other, BROKEN_004[0], None)
            outcomes.append(run_container(other, container))
            if outcomes[-1].exit == 0:
                break
            rows = other.databases["postgresql"].version_rows()
            need(rows == ["0002_add_cities"], f"attempt {attempt} leaves {rows}", outcomes[-1])
        need([outcome.exit for outcome in outcomes] == [1, 1, 0],
             f"exit codes {[outcome.exit for outcome in outcomes]}", outcomes[-1])
        first = judge.RUNNING.findall(outcomes[-1].stderr)[0]
        need(first.startswith("Running upgrade 0002_add_cities -> "), f"the last attempt begins with {first}")
        at(other, "004-34")


@behaviour("004-38")
def init_containers(system: System) -> None:
    """Replicas at once: each runs the init container's command, then the application's start-up (not its port)."""
    with system.aside() as other:
        deployment = parsed(other, other.project / "k8s/admin-ui-deployment.yaml")["spec"]
        container = deployment["template"]["spec"]["initContainers"][0]
        serve = other.step("004-40")["command"]
        script = f"{shlex.join(container['command'])} && {shlex.join(serve)}"
        outcomes = other.run(["sh", "-c", script], ".", pod_environment(other, container), deployment["replicas"])
        for outcome in outcomes:
            need(outcome.exit == 0 and outcome.stdout == "serving\n", "a replica does not start", outcome)
        lines = [line for outcome in outcomes for line in judge.RUNNING.findall(outcome.stderr)]
        need(sorted(lines) == other.step("004-30")["expect"]["running_upgrade_lines"],
             f"revisions were not applied once each: {lines}")
        at(other, "004-34")


@behaviour("004-39")
def deploy_workflow_004(system: System) -> None:
    """The jobs of the workflow in the order of `needs`, a job only when those before it ended well."""
    with system.aside() as other:
        jobs = workflow(other, "deploy.yml")
        need(jobs["deploy"]["needs"] == "migrate", "deploy does not need migrate")
        with Containers(other) as docker:
            script = jobs["migrate"]["steps"][-1]["run"]
            put(other, *BROKEN_004)
            failed = docker.shell(script, **database_variables(other))
            need(failed.exit == 1, "the job migrate ends well although the migration failed", failed)
            put(other, BROKEN_004[0], None)
            good = docker.shell(script, **database_variables(other))
            need(good.exit == 0, "the job migrate fails", good)
            at(other, "004-34")
            need(docker.well(jobs["deploy"]["steps"][-1]["run"]).stdout == "deploy\n", "deploy did not run")


def job_container(system: System) -> dict:
    pod = parsed(system, system.project / "k8s/db-migrate-job.yaml")["spec"]["template"]["spec"]
    need(pod["restartPolicy"] == "OnFailure", "the Job does not start a failed container again")
    return pod["containers"][0]


def run_container(system: System, container: dict) -> judge.Outcome:
    return system.run(container["command"], ".", pod_environment(system, container))[0]


def workflow(system: System, name: str) -> dict:
    return parsed(system, pathlib.Path(system.project, ".github/workflows", name))["jobs"]


def steps_done(docker: Containers, scripts: list[str]) -> int:
    for number, script in enumerate(scripts):
        if docker.shell(script).exit != 0:
            return number
    return len(scripts)
