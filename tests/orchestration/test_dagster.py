"""The Dagster asset of docs/orchestration, materialised in process; the CronJob against Kubernetes' schema."""

import importlib.util
import os
import sys
from pathlib import Path

import dagster as dg
import kubernetes_validate
import yaml

DOCS = Path(__file__).resolve().parents[2] / "docs/orchestration"


def module():
    spec = importlib.util.spec_from_file_location("abmart_dagster", DOCS / "abmart_dagster.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def materialize(asset, instance, **environment: str):
    os.environ.update(environment)
    return dg.materialize([asset], partition_key="2026-11-22", raise_on_error=False, instance=instance)


def main() -> None:
    folder = Path(sys.argv[1])
    loaded = module()
    assert loaded.defs.get_job_def("abmart_nightly")
    with dg.DagsterInstance.ephemeral() as instance:
        done = materialize(loaded.abmart_marts, instance, ABMART_MARTS=str(folder / "dagster"))
        assert done.success
        (event,) = done.get_asset_materialization_events()
        metadata = event.materialization.metadata
        assert metadata["rows"].value["kpi_values"] > 0 and metadata["rows_read"].value > 0
        # Exit code 2 is not tried again.
        failed = materialize(loaded.abmart_marts, instance, ABMART_PIPELINE="hourly")
        assert not failed.success
        kinds = [event.event_type_value for event in failed.all_events]
        assert "STEP_FAILURE" in kinds and "STEP_UP_FOR_RETRY" not in kinds, kinds
    job = yaml.safe_load((DOCS / "cronjob.yaml").read_text())
    kubernetes_validate.validate(job, "1.37", strict=True)
    assert job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [1, 2]
    print("3 passed, 0 failed")


if __name__ == "__main__":
    main()
