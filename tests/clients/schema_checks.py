"""What schemathesis asks and expects of our server, for check_schema.py: endpoints that there are, and no fault."""

import schemathesis

TALE, MEAN = "decoder", "minilm"
NAMES = {"generate": TALE, "generate_stream": TALE, "predict": "labels", "rerank": "reranker"}


def name_for(path):
    """An endpoint that does what a path is for."""
    if "chat" in path or "/completions" in path or "/messages" in path or path in ("/api/generate", "/api/chat"):
        return TALE
    return "reranker" if path in ("/rerank", "/v1/rerank", "/v2/rerank") else NAMES.get(path.rsplit("/", 1)[-1], MEAN)


def is_harmless(operation):
    return operation.method.upper() == "GET" or not any("admin_key" in each for each in operation.definition.raw.get("security", []))


@schemathesis.hook
def map_path_parameters(context, parameters):
    # What is made up finds nothing: every second request is for an endpoint that is there, unless it would take it away.
    operation = context.operation
    if parameters and operation is not None and is_harmless(operation) and len(str(parameters)) % 2 == 0:
        for name in ("model", "endpoint", "name"):
            if name in parameters:
                parameters[name] = name_for(operation.path)
    return parameters


@schemathesis.hook
def map_body(context, body):
    operation = context.operation
    if isinstance(body, dict) and "model" in body and operation is not None and is_harmless(operation) and len(str(body)) % 4 != 0:
        body["model"] = name_for(operation.path)
    return body


PROBES = ("/ready", "/health/work", "/v2/health/ready")  # whose 503 is an answer: one may come while another request measures a model


@schemathesis.check
def no_fault(context, response, case):
    """501 says what this build has not; nothing else of that kind may come."""
    if response.status_code >= 500 and response.status_code != 501 and not (response.status_code == 503 and case.path in PROBES):
        raise AssertionError(f"status {response.status_code}: {response.text[:2000]}")


@schemathesis.check
def refusal_says_why(context, response, case):
    if response.status_code >= 400 and case.method.upper() != "HEAD" and "error" not in response.text and response.status_code != 503:
        raise AssertionError(f"status {response.status_code} without a reason: {response.text[:2000]}")
