"""Every night's KPIs as a Dagster asset: a partition a day, one run of abmart each.

Settings come from the environment: ABMART (the program), ABMART_PROJECT (the folder of pipelines.yaml), ABMART_MARTS (the
folder of the marts, where run_results.json is read; for an object store see the note in README.md), ABMART_PIPELINE.
"""

import json
import os
import subprocess
from pathlib import Path

import dagster as dg

nights = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)

# Exit code 3 is the environment (a store, the network, a lease that another run holds): trying again is sensible.
ENVIRONMENT = 3


@dg.asset(
    partitions_def=nights,
    group_name="abmart",
    # One run at a time: give this pool a limit of 1.
    pool="abmart_marts",
    retry_policy=dg.RetryPolicy(max_retries=4, delay=300, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS),
)
def abmart_marts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The marts as of the partition's day."""
    marts = os.environ["ABMART_MARTS"]
    command = [os.environ.get("ABMART", "abmart"), "run", os.environ.get("ABMART_PIPELINE", "nightly")]
    command += ["--as-of", context.partition_key, "--project", os.environ.get("ABMART_PROJECT", "."), "--marts", marts]
    for option in ("lake", "cache"):
        if location := os.environ.get(f"ABMART_{option.upper()}"):
            command += [f"--{option}", location]
    done = subprocess.run(command, capture_output=True, text=True)
    context.log.info(done.stdout + done.stderr)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise dg.Failure(
            description=f"abmart ended with exit code {done.returncode}: {last[0]}",
            metadata={"exit_code": done.returncode},
            allow_retries=done.returncode == ENVIRONMENT,
        )
    results = json.loads(Path(marts, "run_results.json").read_text())
    return dg.MaterializeResult(
        metadata={
            "run_id": results["run_id"],
            "seconds": results["seconds"],
            "rows_read": sum(source["rows_in"] for source in results["sources"]),
            "rows_quarantined": sum(source["rows_quarantined"] for source in results["sources"]),
            "findings": len(results["findings"]),
            "rows": {mart["mart"]: mart["rows"] for mart in results["marts"]},
            "changed": [mart["mart"] for mart in results["marts"] if not mart["unchanged"]],
        }
    )


defs = dg.Definitions(
    assets=[abmart_marts],
    schedules=[
        dg.build_schedule_from_partitioned_job(
            dg.define_asset_job("abmart_nightly", selection=[abmart_marts]), hour_of_day=3, minute_of_hour=30
        )
    ],
)
