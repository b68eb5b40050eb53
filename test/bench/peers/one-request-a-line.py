"""The usual Python program: reads a sensor's lines, and writes each in a request of its own.

    cat lines | python3 one-request-a-line.py <port>      (apt-get install python3-influxdb)
"""

import sys

from influxdb import InfluxDBClient

METRICS = (("cpu_load", float), ("random_value", int), ("counter", int))

client = InfluxDBClient(host="127.0.0.1", port=int(sys.argv[1]), database="sensor")
for line in sys.stdin:
    values = line.split()
    fields = {name: cast(value) for (name, cast), value in zip(METRICS, values)}
    tags = {"env": "dev", "sensor": "demo", "defect": str(not any(fields.values())).lower()}
    client.write_points([{"measurement": "sensor", "tags": tags, "fields": fields}])
