SELECT id, x FROM a ORDER BY {id|x, id} -- ordered
