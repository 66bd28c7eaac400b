"""Events and metrics of a run, read by OpenLineage's own Python client and by Prometheus' own parser."""

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attr
from openlineage.client import event_v2, generated
from openlineage.client.generated import column_lineage_dataset
from prometheus_client.parser import text_string_to_metric_families


class Catalogue(BaseHTTPRequestHandler):
    """Takes events."""

    events: list[dict] = []

    def do_POST(self):
        self.events.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_):
        pass


def facet_classes() -> dict[str, type]:
    """Schema URL → class, of all facets that the client knows."""
    classes = {}
    for module in pkgutil.iter_modules(generated.__path__):
        loaded = importlib.import_module(f"{generated.__name__}.{module.name}")
        for _, cls in inspect.getmembers(loaded, inspect.isclass):
            if attr.has(cls) and "_get_schema" in vars(cls):
                classes[cls._get_schema()] = cls
    return classes


def check_facets(facets: dict, classes: dict[str, type]) -> int:
    """Every facet of the specification is one that the client can build; those of abmart's own name a base."""
    known = 0
    for name, facet in facets.items():
        assert facet["_producer"].startswith("https://"), facet
        if name.startswith("abmart_"):
            assert "/OpenLineage.json#/$defs/" in facet["_schemaURL"], facet
            continue
        cls = classes[facet["_schemaURL"]]
        cls(**{key: value for key, value in facet.items() if not key.startswith("_")})
        known += 1
    return known


def check_events(events: list[dict]) -> None:
    classes = facet_classes()
    assert [event["eventType"] for event in events] == ["START", "RUNNING", "COMPLETE"], events
    facets = 0
    for event in events:
        assert event["schemaURL"] == event_v2.RunEvent._get_schema()
        run = event_v2.Run(runId=event["run"]["runId"], facets=event["run"]["facets"])
        job = event_v2.Job(**event["job"])
        inputs = [event_v2.InputDataset(**dataset) for dataset in event["inputs"]]
        outputs = [event_v2.OutputDataset(**dataset) for dataset in event["outputs"]]
        # Its validators look at the moment, the kind and the run's UUID.
        event_v2.RunEvent(
            eventType=event_v2.RunState(event["eventType"]),
            eventTime=event["eventTime"],
            producer=event["producer"],
            run=run,
            job=job,
            inputs=inputs,
            outputs=outputs,
        )
        facets += check_facets(run.facets, classes) + check_facets(job.facets, classes)
        for dataset in inputs:
            facets += check_facets(dataset.facets, classes) + check_facets(dataset.inputFacets, classes)
        for dataset in outputs:
            facets += check_facets(dataset.facets, classes) + check_facets(dataset.outputFacets, classes)
    assert len(events[2]["inputs"]) >= 15 and len(events[2]["outputs"]) >= 6
    assert facets > 100, facets


def check_still(events: list[dict]) -> None:
    """Events of jobs and datasets without a run: every input that a column's lineage names is a column of a dataset told of."""
    classes = facet_classes()
    columns, fields = set(), []
    for event in events:
        common = {key: event[key] for key in ("eventTime", "producer")}
        if "dataset" in event:
            assert event["schemaURL"] == event_v2.DatasetEvent._get_schema()
            dataset = event_v2.StaticDataset(**event["dataset"])
            event_v2.DatasetEvent(dataset=dataset, **common)
            assert check_facets(dataset.facets, classes) >= 1
            names = [field["name"] for field in dataset.facets["schema"]["fields"]]
            columns.update((dataset.namespace, dataset.name, name) for name in names)
            continue
        assert event["schemaURL"] == event_v2.JobEvent._get_schema()
        job = event_v2.Job(**event["job"])
        outputs = [event_v2.OutputDataset(**dataset) for dataset in event["outputs"]]
        inputs = [event_v2.InputDataset(**dataset) for dataset in event["inputs"]]
        event_v2.JobEvent(job=job, inputs=inputs, outputs=outputs, **common)
        for dataset in outputs:
            check_facets(dataset.facets, classes)
            # A mart about the project itself comes from no source.
            lineage = dataset.facets.get("columnLineage", {"fields": {}})
            told = [field for column in lineage["fields"].values() for field in column["inputFields"]]
            for field in told + lineage.get("dataset", []):
                built = column_lineage_dataset.InputField(**field)
                [column_lineage_dataset.Transformation(**step) for step in built.transformations]
                fields.append((built.namespace, built.name, built.field))
    assert len(fields) > 50 and set(fields) <= columns, set(fields) - columns


def check_metrics(text: str) -> None:
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    assert families["abmart_run_success"].samples[0].value == 1
    stages = {sample.labels["stage"] for sample in families["abmart_run_stage_duration_seconds"].samples}
    assert stages == {"read", "tables", "periods", "marts"}
    marts = {sample.labels["mart"]: sample.value for sample in families["abmart_mart_rows"].samples}
    assert marts["kpi_values"] > 0, marts


def main() -> None:
    folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Catalogue)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    metrics = folder / "abmart.prom"
    subprocess.run(
        [os.environ["ABMART"], "run", "--quiet", "--as-of", "2026-11-22", "--project", os.environ["ABMART_PROJECT"]]
        + ["--marts", str(folder / "telling"), "--cache", os.environ["ABMART_CACHE"], "--metrics", str(metrics)],
        env={**os.environ, "OPENLINEAGE_URL": f"http://127.0.0.1:{server.server_port}"},
        check=True,
    )
    server.shutdown()
    check_events(Catalogue.events)
    check_metrics(metrics.read_text())
    still = subprocess.run(
        [os.environ["ABMART"], "lineage", "-o", "openlineage", "--project", os.environ["ABMART_PROJECT"]],
        check=True,
        capture_output=True,
    )
    check_still(json.loads(still.stdout))
    print("3 passed, 0 failed")


if __name__ == "__main__":
    main()
