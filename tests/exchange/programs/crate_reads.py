"""Validates `bundle` against the profiles of Workflow Run RO-Crate and reads it with the reference library."""

import json
import pathlib
import shutil
from urllib.parse import unquote

import requests
from rdflib.namespace import SDO
from rocrate.rocrate import ROCrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

document = json.loads(pathlib.Path("bundle/ro-crate-metadata.json").read_text(encoding="utf-8"))
graph = document["@graph"]

# The validator wants RO-Crate's JSON-LD context from the network, which tests do without. Version 1.1 of it maps every term
# to the one of schema.org with the same name, but for these.
OTHER_TERMS = {
    "File": "http://schema.org/MediaObject",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
}
assert document["@context"] == "https://w3id.org/ro/crate/1.1/context", document["@context"]
types = [entity["@type"] for entity in graph]
terms = {term for entity in graph for term in entity if not term.startswith("@")}
terms |= {one for kind in types for one in (kind if isinstance(kind, list) else [kind])}
known = {term for term in terms if term in SDO} | set(OTHER_TERMS)
assert terms <= known, terms - known
context = {term: OTHER_TERMS.get(term, f"http://schema.org/{term}") for term in terms}


def get(_self, url, **_options):
    response = requests.Response()
    response.status_code = 200 if url == document["@context"] else 504
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps({"@context": context}).encode()
    return response


HttpRequester.get = get


def issues(crate, profile):
    settings = services.ValidationSettings(
        rocrate_uri=crate,
        profile_identifier=profile,
        requirement_severity=models.Severity.REQUIRED,
        offline=True,
    )
    return [f"{issue.severity.name}: {issue.message}" for issue in services.validate(settings).get_issues()]


for profile in ["provenance-run-crate-0.5", "workflow-run-crate-0.5", "process-run-crate-0.5"]:
    assert not issues("bundle", profile), (profile, issues("bundle", profile))

# The validator looks: without its workflow it is no such crate.
shutil.copytree("bundle", "broken")
del next(entity for entity in graph if entity["@id"] == "./")["mainEntity"]
pathlib.Path("broken/ro-crate-metadata.json").write_text(json.dumps(document), encoding="utf-8")
assert issues("broken", "workflow-run-crate-0.5")

crate = ROCrate("bundle")
assert crate.mainEntity.id == "sweep.toml", crate.mainEntity
actions = [entity for entity in crate.get_entities() if entity.type == "CreateAction"]
assert len(actions) == 1 + 8, actions
evaluation = next(action for action in actions if action["instrument"].id == "#tool/evaluate")
assert any(str(used.id).startswith("tasks/") for used in evaluation["object"]), evaluation["object"]
for entity in crate.data_entities:
    assert (pathlib.Path("bundle") / unquote(entity.id)).is_file(), entity.id
listed = {entity["@id"] for entity in graph if "File" in entity["@type"]}
print(f"{len(listed)} files, {len(actions)} actions")
