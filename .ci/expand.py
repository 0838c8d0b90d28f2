"""Prints the CloudFormation template into which the SAM transform turns template.yaml.

Usage: expand.py SOURCE [PARAMETER=VALUE …]

Circular dependencies and missing permissions appear only there, not in the source. SAM inserts the values of parameters
in some places, so they are given here as they are for a deployment.
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


def expand(path, parameters):
    with open(path, encoding="utf-8") as source:
        template = yaml_parse(source.read())
    # `sam deploy` inserts the place of the code in a bucket here.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(template, parameters, ManagedPolicies())


if __name__ == "__main__":
    values = dict(argument.split("=", 1) for argument in sys.argv[2:])
    json.dump(expand(sys.argv[1], values), sys.stdout, indent=1)
