-- Job records read in one pass, the record's text besides.
-- grain:  job record

select
    json::varchar as raw,
    filename,
    from_json(json, '{
        "id": "VARCHAR", "master_job_id": "VARCHAR", "parent_id": "VARCHAR",
        "recipe_id": "VARCHAR", "calling_job_id": "VARCHAR", "calling_recipe_id": "VARCHAR",
        "root_job_id": "VARCHAR", "root_recipe_id": "VARCHAR", "title": "VARCHAR",
        "status": "VARCHAR", "is_repeat": "BOOLEAN", "repeat_count": "BIGINT",
        "is_test": "BOOLEAN", "is_poll_error": "BOOLEAN", "started_at": "TIMESTAMPTZ",
        "completed_at": "TIMESTAMPTZ", "action_count": "BIGINT", "account_id": "VARCHAR",
        "account_name": "VARCHAR", "environment_type": "VARCHAR", "error": "VARCHAR",
        "report": "VARCHAR",
        "context": {"recipe_name": "VARCHAR", "recipe_path": "VARCHAR"},
        "lines": [{
            "recipe_line_number": "BIGINT", "adapter_name": "VARCHAR",
            "adapter_operation": "VARCHAR", "error": "VARCHAR",
            "line_stat": {"total": "DOUBLE", "details": [{"name": "VARCHAR", "total": "DOUBLE"}]}
        }]
    }') as e
from read_ndjson_objects($objects, filename = true)
