"""Prints the CloudFormation template that the SAM transform makes of template.yaml.

Circular dependencies and missing permissions show there, not in the source.
"""
import json
import os
import sys

from samtranslator.translator.transform import transform
from samcli.yamlhelper import yaml_parse

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

MANAGED = {
    name: f"arn:aws:iam::aws:policy/service-role/{name}"
    for name in ("AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole")
}


class ManagedPolicies:
    def load(self):
        return MANAGED


with open(sys.argv[1], encoding="utf-8") as source:
    template = yaml_parse(source.read())
# What `sam package` would put there: the code's place in a bucket.
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
json.dump(transform(template, {}, ManagedPolicies()), sys.stdout, indent=1)
