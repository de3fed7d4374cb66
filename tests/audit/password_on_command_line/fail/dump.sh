#!/bin/sh
mysqldump -u app -ps3cr3t app
