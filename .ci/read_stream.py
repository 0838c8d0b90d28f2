"""Reads the table's stream from the local AWS with boto3, as a person would with the AWS tools.

Usage: read_stream.py FOLDER, the data folder of a running `local` in which somebody has signed up.
"""
import os
import sys

os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(sys.argv[1], "credentials")

import boto3  # noqa: E402  (boto3 reads the variable when it is imported)

session = boto3.Session(profile_name="latchkey-local")
streams = session.client("dynamodbstreams")

[stream] = streams.list_streams(TableName="latchkey")["Streams"]
table = session.client("dynamodb").describe_table(TableName="latchkey")["Table"]
assert stream["StreamArn"] == table["LatestStreamArn"], (stream, table["LatestStreamArn"])

description = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
assert description["TableName"] == "latchkey" and description["StreamStatus"] == "ENABLED", description
[shard] = description["Shards"]
rest = streams.describe_stream(StreamArn=stream["StreamArn"], ExclusiveStartShardId=shard["ShardId"])
assert rest["StreamDescription"]["Shards"] == [], rest


def read(kind, **more):
    arguments = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"], "ShardIteratorType": kind}
    iterator = streams.get_shard_iterator(**arguments, **more)["ShardIterator"]
    answer = streams.get_records(ShardIterator=iterator)
    assert answer["NextShardIterator"], answer
    return answer["Records"]


records = read("TRIM_HORIZON")
assert any(record["eventName"] == "INSERT" and "NewImage" in record["dynamodb"] for record in records), records
first, second = (record["dynamodb"]["SequenceNumber"] for record in records[:2])
assert read("AT_SEQUENCE_NUMBER", SequenceNumber=first)[0]["dynamodb"]["SequenceNumber"] == first
assert read("AFTER_SEQUENCE_NUMBER", SequenceNumber=first)[0]["dynamodb"]["SequenceNumber"] == second
assert read("LATEST") == []
for wrong in ({"StreamArn": stream["StreamArn"], "ShardId": "shardId-00000000000000000009-00000009"},
              {"StreamArn": stream["StreamArn"].replace("latchkey", "other"), "ShardId": shard["ShardId"]}):
    try:
        streams.get_shard_iterator(**wrong, ShardIteratorType="LATEST")
    except streams.exceptions.ResourceNotFoundException:
        continue
    raise AssertionError(f"{wrong} was accepted")
print(f"  boto3 {boto3.__version__}: {len(records)} records of {stream['StreamArn']}")
