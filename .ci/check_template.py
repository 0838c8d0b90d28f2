"""Checks the template as SAM expands it, for each kind of deployment that its parameters describe.

Usage: check_template.py SOURCE

CloudFormation itself is not used. The functions at the start of this file evaluate conditions, parameters and rules in
its place. The rest asserts the properties that a deployment relies on.
"""
import json
import re
import sys

from expand import expand
from samcli.yamlhelper import yaml_parse

SOURCE = yaml_parse(open(sys.argv[1], encoding="utf-8").read())
DEFAULTS = {name: str(parameter.get("Default", "")) for name, parameter in SOURCE["Parameters"].items()}
PSEUDO = {
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "latchkey",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/latchkey/5f0c1d2e",
}
NOTHING = object()


class Stack:
    """The expanded template with these parameters."""

    def __init__(self, **parameters):
        unknown = set(parameters) - set(DEFAULTS)
        assert not unknown, unknown
        self.parameters = {**DEFAULTS, **parameters}
        self.expanded = expand(sys.argv[1], parameters)
        # The references between resources, collected while values are resolved.
        self.edges, self.now = set(), None
        resources = self.expanded["Resources"].items()
        self.names = {name for name, resource in resources if self.holds(resource.get("Condition"))}
        self.resources = {}
        for name in sorted(self.names):
            self.now = name
            resource = self.expanded["Resources"][name]
            for other in [resource["DependsOn"]] if isinstance(resource.get("DependsOn"), str) else resource.get("DependsOn", []):
                self.edges.add((name, other))
            self.resources[name] = {**resource, "Properties": self.value(resource.get("Properties", {}))}
        self.now = None
        outputs = self.expanded["Outputs"].items()
        self.outputs = {name: self.value(output["Value"]) for name, output in outputs if self.holds(output.get("Condition"))}

    def holds(self, condition):
        return condition is None or self.value(self.expanded["Conditions"][condition])

    def refer(self, name):
        if name in self.parameters:
            return self.parameters[name]
        if name in PSEUDO:
            return PSEUDO[name]
        assert name in self.names, f"{self.now or 'an output'} refers to {name}, which is not made"
        self.edges.add((self.now, name))
        return None

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (key, argument), = node.items()
            function = getattr(self, "do_" + key.replace("Fn::", "").lower(), None) if key == "Ref" or key.startswith("Fn::") else None
            if function:
                return function(argument)
            assert not key.startswith("Fn::"), f"{key} is not known here"
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NOTHING}

    def do_ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        value = self.refer(name)
        return {"Ref": name} if value is None else value

    def do_getatt(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        self.refer(name)
        return {"Fn::GetAtt": [name, attribute]}

    def do_sub(self, argument):
        text, extra = (argument, {}) if isinstance(argument, str) else argument
        extra = {name: self.value(value) for name, value in extra.items()}

        def replace(match):
            name = match.group(1)
            if name in extra:
                return extra[name] if isinstance(extra[name], str) else f"<{json.dumps(extra[name])}>"
            value = self.refer(name.split(".")[0])
            return f"<{name}>" if value is None else value

        return re.sub(r"\$\{([^!}][^}]*)\}", replace, text)

    def do_if(self, argument):
        condition, yes, no = argument
        return self.value(yes if self.holds(condition) else no)

    def do_equals(self, argument):
        one, other = map(self.value, argument)
        return str(one) == str(other)

    def do_not(self, argument):
        return not self.value(argument[0])

    def do_split(self, argument):
        separator, text = argument[0], self.value(argument[1])
        return text.split(separator)

    def do_select(self, argument):
        index, values = int(argument[0]), self.value(argument[1])
        assert index < len(values), f"{self.now} selects what is not there"
        return values[index]

    def do_join(self, argument):
        parts = self.value(argument[1])
        return argument[0].join(part if isinstance(part, str) else f"<{json.dumps(part)}>" for part in parts)

    @classmethod
    def broken_rules(cls, **parameters):
        """Returns the failed assertions of `Rules`, for which CloudFormation would refuse these parameters."""
        self = cls.__new__(cls)
        self.parameters, broken = {**DEFAULTS, **parameters}, []
        for rule in SOURCE.get("Rules", {}).values():
            if self.value(rule["RuleCondition"]):
                broken += [a["AssertDescription"] for a in rule["Assertions"] if not self.value(a["Assert"])]
        return broken

    def of_type(self, kind):
        return {name: one for name, one in self.resources.items() if one["Type"] == kind}

    def variables(self, function):
        return self.resources[function]["Properties"]["Environment"]["Variables"]


def check_no_circle(stack):
    rest = set(stack.edges)
    while rest:
        leaves = {to for _, to in rest} - {source for source, _ in rest}
        assert leaves, f"these refer to each other in a circle: {sorted(rest, key=str)[:6]}"
        rest = {(source, to) for source, to in rest if to not in leaves}


def source_routes():
    for name, resource in SOURCE["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                yield event["Properties"].get("Method", "ANY"), event["Properties"].get("Path", "$default"), name


def check_routes(stack):
    (api,) = stack.of_type("AWS::ApiGatewayV2::Api").values()
    paths = api["Properties"]["Body"]["paths"]
    permissions = {json.dumps(one["Properties"]["FunctionName"]) for one in stack.of_type("AWS::Lambda::Permission").values()}
    routes = list(source_routes())
    for method, path, function in routes:
        key = "x-amazon-apigateway-any-method" if method == "ANY" else method.lower()
        integration = paths[path][key]["x-amazon-apigateway-integration"]
        assert f"<{function}.Arn>" in integration["uri"], (path, integration)
        assert integration["payloadFormatVersion"] == "2.0", path
        assert json.dumps({"Ref": function}) in permissions, f"API Gateway may not invoke {function}"
    assert sum(len(methods) for methods in paths.values()) == len(routes), "a route was lost or added"
    check_throttling(stack, {f"{method} {path}" for method, path, _ in routes})
    return api["Properties"]["Body"]


def check_throttling(stack, routes):
    (stage,) = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    default = stage["Properties"]["DefaultRouteSettings"]
    assert int(default["ThrottlingRateLimit"]) == int(default["ThrottlingBurstLimit"]) == 1000, default
    limited = stage["Properties"]["RouteSettings"]
    assert set(limited) < routes, f"no such route: {set(limited) - routes}"
    senders = {"SendSmsCodeFunction", "SendResetEmailFunction", "SendEmailCodeFunction", "SendProofCodeFunction", "ForgetPwdSmsCodeFunction"}
    wanted = {f"{method} {path}" for method, path, function in source_routes() if function in senders}
    assert set(limited) == wanted, "each route that only sends a message has the lower limit"
    assert all(int(one["ThrottlingRateLimit"]) == 200 for one in limited.values()), limited


def check_names(stack):
    """Checks that every name set here contains the stack's id. A fixed name would collide with that of a second stack."""
    for name, resource in stack.resources.items():
        for key in ("Name", "FunctionName", "RoleName", "TableName", "QueueName", "LogGroupName", "AlarmName", "PolicyName"):
            value = resource["Properties"].get(key)
            if isinstance(value, str) and resource["Type"] != "AWS::IAM::Role" and key != "PolicyName":
                assert "5f0c1d2e" in value, f"{name} has the fixed {key} {value}"


SECRETS = ("CodeSecret", "LinkSecret", "SessionSecret", "VisitorSecret", "KeySecret")


def check_kept(stack):
    kept = {"AWS::DynamoDB::Table", "AWS::Logs::LogGroup"}
    for name, resource in stack.resources.items():
        if resource["Type"] in kept or name in SECRETS:
            assert resource.get("DeletionPolicy") == "RetainExceptOnCreate", f"{name} is not kept, or an orphan of a failed create"
            assert resource.get("UpdateReplacePolicy") == "Retain", name


def check(stack):
    check_no_circle(stack)
    check_names(stack)
    check_kept(stack)
    for name, function in stack.of_type("AWS::Lambda::Function").items():
        properties = function["Properties"]
        assert properties["Handler"] == "bootstrap" and properties["Architectures"] == [stack.parameters["Architecture"]], name
        size = len(json.dumps(stack.variables(name)))
        assert size < 3000, f"{name} has {size} bytes of variables; Lambda takes 4096, and secrets are longer than their references"
    return check_routes(stack)


def cors(stack):
    return check(stack).get("x-amazon-apigateway-cors")


def check_cors():
    assert cors(Stack()) is None, "no other origin may call unless one is named"
    for origins in ("https://shop.example", "https://shop.example,https://app.example,http://localhost:5173"):
        found = cors(Stack(CorsOrigins=origins))
        assert isinstance(found, dict), found
        assert found["allowOrigins"] == origins.split(","), found
        assert found["allowMethods"] == ["GET", "POST", "PUT", "PATCH", "DELETE"], found
        for header in ("Authorization", "Content-Type", "Accept-Language", "X-CSRFToken", "X-Captcha-Pass", "X-Session"):
            assert header in found["allowHeaders"], header
        assert found["exposeHeaders"] == ["X-Error-Code", "Retry-After"] and found["maxAge"] == 600, found
        assert "allowCredentials" not in found, "credentials are for origins of the same site alone"
    print("  CORS, expanded:", json.dumps(found))


CLOUDFRONT = {
    "PublicDomain": "id.example.com", "PublicCertificateArn": "arn:aws:acm:us-east-1:1:certificate/1",
    "OriginDomain": "origin.example.com", "OriginCertificateArn": "arn:aws:acm:eu-central-1:1:certificate/2",
}
ADOPTED = {
    "ExistingTableStreamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/kept/stream/2026-11-25T00:00:00.000",
} | {f"Existing{name}Arn": f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-1" for name in SECRETS}


def check_addresses():
    api = "https://<Api>.execute-api.eu-central-1.amazonaws.com"
    for parameters, host, issuer, linked in (
        ({}, "", "", api),
        ({"ClientHost": "https://id.example.com"}, "https://id.example.com", "", "https://id.example.com"),
        (CLOUDFRONT, "https://id.example.com", "https://id.example.com", "https://id.example.com"),
        ({**CLOUDFRONT, "ClientHost": "https://a.example", "Issuer": "https://b.example"}, "https://a.example", "https://b.example", "https://a.example"),
    ):
        stack = Stack(**parameters)
        check(stack)
        assert stack.variables("LogInFunction")["CLIENT_HOST"] == host
        assert stack.variables("PagesFunction")["CLIENT_HOST"] == host
        assert stack.variables("LogInFunction")["ISSUER"] == issuer
        assert stack.variables("DeliverFunction")["CLIENT_HOST"] == linked
        assert stack.outputs["PagesUrl"] == linked
        assert {"ApiUrl", "TableName", "TableStreamArn", *(f"{name}Arn" for name in SECRETS)} <= set(stack.outputs)
        for name in stack.of_type("AWS::Lambda::Function"):
            assert stack.variables(name)["AWS_ENDPOINT_URL"] == "", "the cloud's own endpoints"


def check_adopted():
    fresh, adopting = Stack(), Stack(**ADOPTED)
    check(adopting)
    assert fresh.of_type("AWS::DynamoDB::Table") and not adopting.of_type("AWS::DynamoDB::Table")
    assert len(fresh.of_type("AWS::SecretsManager::Secret")) == len(SECRETS) and not adopting.of_type("AWS::SecretsManager::Secret")
    assert adopting.outputs["TableName"] == "kept"
    variables = adopting.variables("LogInFunction")
    assert variables["TABLE_NAME"] == "kept"
    assert variables["SESSION_SECRET"] == "{{resolve:secretsmanager:" + ADOPTED["ExistingSessionSecretArn"] + ":SecretString:::}}"
    assert variables["KEY_SECRET"] == "{{resolve:secretsmanager:" + ADOPTED["ExistingKeySecretArn"] + ":SecretString:::}}"
    table = "arn:aws:dynamodb:eu-central-1:123456789012:table/kept"
    for name, role in adopting.of_type("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if any(action.startswith("dynamodb:") for action in statement["Action"]):
                    assert statement["Resource"] == table, (name, statement["Resource"])
    (mapping,) = adopting.of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["Properties"]["EventSourceArn"] == ADOPTED["ExistingTableStreamArn"]


def check_where_it_runs():
    stack = Stack()
    (mapping,) = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["Properties"]["ParallelizationFactor"] == 2
    assert not any("ReservedConcurrentExecutions" in one["Properties"] for one in stack.of_type("AWS::Lambda::Function").values())
    assert stack.resources["Table"]["Properties"]["DeletionProtectionEnabled"] == "false"
    assert Stack(DeletionProtection="true").resources["Table"]["Properties"]["DeletionProtectionEnabled"] == "true"
    check(Stack(ReservedConcurrency="5", EnvironmentKeyArn="arn:aws:kms:eu-central-1:1:key/1", Architecture="x86_64"))
    assert all(
        "KmsKeyArn" in one["Properties"] for one in Stack(EnvironmentKeyArn="arn:x").of_type("AWS::Lambda::Function").values()
    )
    statements = [
        statement
        for role in stack.of_type("AWS::IAM::Role").values()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    for statement in statements:
        if any(action.startswith("dynamodb:") for action in statement["Action"]):
            condition = statement["Condition"]
            assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}, "ForAllValues holds where there is no key"
            assert condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], statement
    (mail,) = [statement for statement in statements if statement["Action"] == "ses:SendEmail"]
    assert [arn.rsplit(":", 1)[1] for arn in mail["Resource"]] == ["identity/*", "configuration-set/*"]


def check_rules():
    captcha = {"CaptchaProvider": "gateway", "CaptchaAppId": "1", "CaptchaAppSecret": "s"}
    tencent = {**captcha, "CaptchaProvider": "tencent_cloud", "TencentCloudSecretId": "i", "TencentCloudSecretKey": "k"}
    wholes = (CLOUDFRONT, captcha, tencent, ADOPTED)
    for whole in ({}, *wholes, {**CLOUDFRONT, "WebAclArn": "arn:x", "OriginSecretVersion": "1"}, {**captcha, "CaptchaMode": "enforce"}):
        assert Stack.broken_rules(**whole) == [], whole
    for whole in wholes:
        for name, value in whole.items():
            without = {other: kept for other, kept in whole.items() if other != name}
            assert Stack.broken_rules(**without), f"{whole} without {name}"
            assert len(whole) == 1 or Stack.broken_rules(**{name: value}), f"{name} alone"
    for alone in ("WebAclArn", "OriginSecretVersion"):
        assert Stack.broken_rules(**{alone: "x"}) == [f"{alone} needs PublicDomain."]
    assert Stack.broken_rules(**ADOPTED, DeletionProtection="true"), "it would do nothing"
    assert Stack.broken_rules(CaptchaMode="enforce")
    assert Stack.broken_rules(**{**CLOUDFRONT, "OriginDomain": "id.example.com"})


def check_parameters():
    interface = SOURCE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(DEFAULTS), set(grouped) ^ set(DEFAULTS)
    assert set(interface["ParameterLabels"]) == set(DEFAULTS)
    # SAM replaces these words wherever they occur in a name.
    rewritten = re.compile("Allow(Origins|Methods|Headers|Credentials)|ExposeHeaders|MaxAge", re.IGNORECASE)
    for name in [*DEFAULTS, *SOURCE["Conditions"], *SOURCE["Rules"]]:
        assert not rewritten.search(name), name
    expanded = Stack().expanded
    for section in ("Parameters", "Conditions"):
        assert set(SOURCE[section]) <= set(expanded[section]), f"SAM renamed one of {section}"
    for name, parameter in SOURCE["Parameters"].items():
        assert "Default" in parameter and parameter["Description"], f"{name}: sam deploy would ask for it"
        pattern = parameter.get("AllowedPattern")
        assert pattern is None or re.fullmatch(pattern, DEFAULTS[name]), f"the default of {name} is refused"
    settings = re.compile(SOURCE["Parameters"]["Settings"]["AllowedPattern"])
    assert settings.fullmatch("LIMIT_SOURCE=100/h LIMIT_RECIPIENT=5/h,10/d CAPTCHA_URL=https://c.example/?a=b")
    for malformed in ("LIMIT_SOURCE", "=x", "A=1 B", "a=1", "A= B=1"):
        assert not settings.fullmatch(malformed), malformed
    print(f"  {len(DEFAULTS)} parameters in {len(interface['ParameterGroups'])} groups: {', '.join(DEFAULTS)}")


for one in (check_parameters, check_rules, check_cors, check_addresses, check_adopted, check_where_it_runs):
    one()
    print(f"{one.__name__} holds")
