#!/bin/sh
DB_PASSWORD=change_me docker compose up -d
