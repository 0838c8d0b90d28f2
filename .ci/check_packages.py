"""Checks the packages that `sam deploy` uploaded: one for each function, with only the binary, which is executable and
built for the right processor.

Usage: check_packages.py ARCHITECTURE. AWS_ENDPOINT_URL must be the address of the S3 that received the packages.
"""
import io
import json
import pathlib
import re
import sys
import zipfile

import boto3
from samcli.yamlhelper import yaml_parse

MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine of ELF

s3 = boto3.client("s3")
contents = {}
for bucket in s3.list_buckets()["Buckets"]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
        for item in page.get("Contents", []):
            contents[item["Key"]] = s3.get_object(Bucket=bucket["Name"], Key=item["Key"])["Body"].read()

(text,) = [body for key, body in contents.items() if key.endswith(".template")]
functions = {
    name: resource["Properties"]["CodeUri"]
    for name, resource in yaml_parse(text.decode())["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
built = {path.stem for path in pathlib.Path("events").glob("*.json")}
assert len(functions) == len(built), (len(functions), len(built))
total = 0
for name, uri in functions.items():
    key = re.fullmatch(r"s3://[^/]+/(.+)", uri).group(1)
    package = zipfile.ZipFile(io.BytesIO(contents[key]))
    (entry,) = package.infolist()
    assert entry.filename == "bootstrap", (name, entry.filename)
    mode = entry.external_attr >> 16
    assert mode & 0o111 == 0o111, f"{name}: bootstrap is not executable ({oct(mode)})"
    binary = package.read(entry)
    folder = pathlib.Path("target/lambda") / re.sub(r"(?<!^)([A-Z])", r"-\1", name.removesuffix("Function")).lower()
    assert binary == (folder / "bootstrap").read_bytes(), f"{name} is not what was built in {folder}"
    assert binary[:4] == b"\x7fELF" and int.from_bytes(binary[18:20], "little") == MACHINES[sys.argv[1]], name
    total += len(contents[key])
print(f"{len(functions)} packages of {sys.argv[1]}, each with its own bootstrap alone, executable; {total / 1e6:.0f} MB uploaded")
