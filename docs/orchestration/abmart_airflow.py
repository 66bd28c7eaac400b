"""Every night's KPIs as an Airflow DAG: one task, one run of abmart per day.

Settings come from the environment of the workers: ABMART (the program), ABMART_PROJECT (the folder of pipelines.yaml),
ABMART_PIPELINE. Credentials of the stores are whatever the object stores' clients find in the environment.
"""

import os
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

# 1: the run or an audit failed; 2: the command or the project is wrong. Another attempt would fail in the same way.
FINAL = {1, 2}


def abmart(arguments: list[str], environment: dict[str, str]) -> None:
    """Runs abmart; its log goes to the task's log. SIGTERM reaches it as well, and it stops without publishing."""
    program = [os.environ.get("ABMART", "abmart"), *arguments]
    with subprocess.Popen(
        program, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for line in process.stdout:
                print(line, end="")
        except BaseException:
            process.terminate()
            raise
    code = process.returncode
    if code == 0:
        return
    message = f"abmart ended with exit code {code}"
    # 3 is the environment: a store, the network, a lease that another run holds. Airflow tries again.
    raise AirflowFailException(message) if code in FINAL else AirflowException(message)


with DAG(
    dag_id="abmart_nightly",
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # Each run replaces the marts: one at a time. The lease in the store of marts sees to it as well.
    max_active_runs=1,
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(hours=3),
    },
    tags=["abmart"],
    doc_md=__doc__,
) as dag:

    @task
    def run(ds: str | None = None) -> None:
        """The run for the day of the DAG run."""
        options = ["--as-of", ds, "--log", "json", "--project", os.environ.get("ABMART_PROJECT", ".")]
        for option in ("lake", "marts", "cache"):
            if location := os.environ.get(f"ABMART_{option.upper()}"):
                options += [f"--{option}", location]
        abmart(["run", os.environ.get("ABMART_PIPELINE", "nightly"), *options], {})

    run()
