"""The Airflow DAG of docs/orchestration, parsed and run by Airflow: success, a final failure, one that is tried again."""

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

DOCS = Path(__file__).resolve().parents[2] / "docs/orchestration"


def state_of(dag, marts: str, **environment: str) -> tuple[str, str, int]:
    """State of the run and of its task, and which attempts there were."""
    os.environ.update({"ABMART_MARTS": marts, **environment})
    run = dag.test(logical_date=datetime(2026, 11, 22, tzinfo=timezone.utc))
    (task,) = run.get_task_instances()
    return str(run.state), str(task.state), task.try_number


def main() -> None:
    bag = DagBag(dag_folder=str(DOCS))
    assert not bag.import_errors, bag.import_errors
    dag = bag.dags["abmart_nightly"]
    assert dag.max_active_runs == 1 and dag.task_dict["run"].retries == 4
    folder = Path(sys.argv[1])

    state, task, _ = state_of(dag, str(folder / "marts"))
    assert (state, task) == ("success", "success"), (state, task)
    assert (folder / "marts/_abmart/ledger/nightly/2026-11-22.json").exists()

    # Exit code 2: there is no such pipeline. Not tried again.
    state, task, _ = state_of(dag, str(folder / "marts"), ABMART_PIPELINE="hourly")
    assert (state, task) == ("failed", "failed"), (state, task)

    # Exit code 3: no lake there. Waits for its next attempt; `dag.test` does not wait with it.
    os.environ["ABMART_PIPELINE"] = "nightly"
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    os.environ["ABMART_LAKE"] = str(folder / "no-lake")
    try:
        dag.task_dict["run"].python_callable(ds="2026-11-22")
    except AirflowFailException as error:
        raise AssertionError("exit code 3 is to be tried again") from error
    except AirflowException as error:
        assert "exit code 3" in str(error), error
    else:
        raise AssertionError("a run without a lake has no success")
    print("3 passed, 0 failed")


if __name__ == "__main__":
    main()
