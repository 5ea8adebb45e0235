"""Event types: the names and fields of Workato's events that are known today.

An unknown one is loaded like any other and reported, never refused. Names come from Workato's
activity reference, its published samples, and the naming pattern of documented activities.
"""

KNOWN = frozenset(
    """
    access_profile_api_key_refreshed access_profile_created access_profile_deleted
    access_profile_updated account_property_created account_property_deleted
    account_property_updated branding_updated connection_connected connection_created
    connection_deleted connection_disconnected connection_updated connector_created
    connector_deleted connector_installed connector_released connector_shared
    connector_shared_closed_source_changed connector_updated folder_created folder_deleted
    folder_moved folder_renamed kms_policy_enabled lookup_table_created lookup_table_deleted
    lookup_table_updated manifest_created manifest_deleted manifest_updated
    message_template_created message_template_deleted message_template_updated package_exported
    package_imported project_property_created project_property_deleted project_property_updated
    recipe_copied recipe_created recipe_deleted recipe_moved recipe_renamed recipe_started
    recipe_stopped recipe_updated team_invitation_accept team_invitation_created
    team_invitation_updated team_membership_deleted team_membership_updated user_login
    user_login_failed user_logout
    """.split()
)
"""Event names of user activity."""

FIELDS: dict[str, frozenset[str]] = {
    "activity": frozenset(
        """
        id event event_type timestamp user team workspace resource resource_changes details
        """.split()
    ),
    "job": frozenset(
        """
        id master_job_id parent_id recipe_id flow_id calling_job_id calling_recipe_id
        root_job_handle root_job_id root_recipe_id title status is_repeat repeat_count is_test
        is_poll_error started_at completed_at action_count error_type error error_parts is_error
        report account_id account_name environment_id environment_type context lines
        """.split()
    ),
    "api_request": frozenset(
        """
        timestamp date type code status_code status gateway_code status_details ip ip_address
        timing_ms timing delay_ms delay api_collection endpoint client job_id account_id
        environment_type
        """.split()
    ),
    "log_message": frozenset(
        """
        timestamp time log_type level message recipe_id job_id account_id environment_type
        """.split()
    ),
}
"""Top-level fields per kind that a column or rule reads; others stay in `raw`."""

PARTS: dict[str, dict[str, frozenset[str]]] = {
    "activity": {
        "user": frozenset({"id", "name", "email"}),
        "team": frozenset({"id", "name", "email", "environment"}),
        "workspace": frozenset({"id", "name", "email", "environment"}),
        "resource": frozenset(
            """
            id type name email email_confirmed_at file_name folder_id folder_path path parent_id
            provider authorized role grant_type member
            """.split()
        ),
        "details": frozenset(
            "request activity sso_provider stop_reason force error run_once".split()
        ),
    },
    "job": {
        "context": frozenset(
            """
            user_id user_name user_email recipe_id recipe_url recipe_name recipe_path job_id
            master_job_id calling_recipe_id time_executed
            """.split()
        ),
        "lines": frozenset(
            """
            recipe_line_number adapter_name adapter_operation input output error line_stat mask_data
            """.split()
        ),
    },
    "api_request": {},
    "log_message": {},
}
"""Fields of the objects, and of the objects of the arrays, that a top-level field holds, as Workato
documents them."""
