-- Rules for OAuth applications. Each row of a query is a violation.

ASSERT SELECT name, token_access_policy.access_token_ttl_in_minutes AS minutes
FROM databricks_account.oauth2.custom_app_integration
WHERE account_id = '{{ account_id }}'
  AND token_access_policy.access_token_ttl_in_minutes > 60
ORDER BY name,
'access tokens live for at most an hour';

ASSERT SELECT name, redirect_urls
FROM databricks_account.oauth2.custom_app_integration
WHERE account_id = '{{ account_id }}'
  AND redirect_urls LIKE '%"http://%'
ORDER BY name,
'redirects use https';

ASSERT (
  SELECT count(*)
  FROM databricks_account.oauth2.custom_app_integration
  WHERE account_id = '{{ account_id }}'
) BETWEEN 1 AND 50,
'the account has applications, and not too many';
