BEGIN TRANSACTION;
CREATE TABLE feedback (
	event_id VARCHAR NOT NULL, 
	customer_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	occurred_at DATETIME NOT NULL, 
	properties TEXT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO "feedback" VALUES('334b9980e2f6bd9da751e7237e044513:sent','c001','message_sent','2026-03-02 02:00:00.000000','{"message_id": "334b9980e2f6bd9da751e7237e044513", "template": "hello", "journey": "welcome", "enrollment_id": "6bfe892329d37991257aabc3b665cb15", "step": "send:hello", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('3dad4bb2e1a976f358c22e627c877432:sent','c003','message_sent','2026-03-02 02:00:00.000000','{"message_id": "3dad4bb2e1a976f358c22e627c877432", "template": "hello", "journey": "welcome", "enrollment_id": "399f50596932b72af45f1cc2beea4184", "step": "send:hello", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('80e04857f5b326379de8f3a52fba3cc8:sent','c000','message_sent','2026-03-02 02:00:00.000000','{"message_id": "80e04857f5b326379de8f3a52fba3cc8", "template": "wishes", "journey": "wishes", "enrollment_id": "7ccb369a81c6d95d0d1172bdf0672dd3", "step": "send:wishes", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('aaf23e248b2d2753eac8d109b0340700:sent','c006','message_sent','2026-03-02 02:00:00.000000','{"message_id": "aaf23e248b2d2753eac8d109b0340700", "template": "hello", "journey": "welcome", "enrollment_id": "dacee8b83ba7405528595d389679f5cf", "step": "send:hello", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('efce928a9d35ce0805d40c2ae084e843:sent','c001','message_sent','2026-03-02 02:00:00.000000','{"message_id": "efce928a9d35ce0805d40c2ae084e843", "template": "wishes", "journey": "wishes", "enrollment_id": "9aa8282ef921066ed92d8e187533bae0", "step": "send:wishes", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('01b51106a6cd4f61522d49d5db49390b:sent','c003','message_sent','2026-03-03 02:00:00.000000','{"message_id": "01b51106a6cd4f61522d49d5db49390b", "template": "jazz", "journey": "welcome", "enrollment_id": "399f50596932b72af45f1cc2beea4184", "step": "send:jazz", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('52bfc1e28c8c9ce5f6a9164e633e3565:sent','c006','message_sent','2026-03-03 02:00:00.000000','{"message_id": "52bfc1e28c8c9ce5f6a9164e633e3565", "template": "tips", "journey": "welcome", "enrollment_id": "dacee8b83ba7405528595d389679f5cf", "step": "send:tips", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('642ee58e6b08afc37f2c863d34592af3:sent','c007','message_sent','2026-03-03 02:00:00.000000','{"message_id": "642ee58e6b08afc37f2c863d34592af3", "template": "hello", "journey": "welcome", "enrollment_id": "ddfbdb87125e2f5aa6b70196518c311e", "step": "send:hello", "topic": "service", "channel": "file"}');
INSERT INTO "feedback" VALUES('c9e2807525b146615ea1a5f9c3c3ac8e:sent','c004','message_sent','2026-03-03 02:00:00.000000','{"message_id": "c9e2807525b146615ea1a5f9c3c3ac8e", "template": "hello", "journey": "welcome", "enrollment_id": "1dacdf098b0555a9486c46f4b0269af6", "step": "send:hello", "topic": "service", "channel": "file"}');
CREATE TABLE leases (
	name VARCHAR NOT NULL, 
	token VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	machine VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	started VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	beat INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE loaded_runs (
	run INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	as_of DATETIME NOT NULL, 
	decisions INTEGER NOT NULL, 
	PRIMARY KEY (run, run_id)
);
INSERT INTO "loaded_runs" VALUES(1,'2026-03-02T020000Z-f5d1a598','2026-03-02 02:00:00.000000',5);
INSERT INTO "loaded_runs" VALUES(2,'2026-03-03T020000Z-472f9841','2026-03-03 02:00:00.000000',5);
CREATE TABLE messages (
	message_id VARCHAR NOT NULL, 
	run INTEGER NOT NULL, 
	journey VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	enrollment_id VARCHAR NOT NULL, 
	customer_id VARCHAR NOT NULL, 
	step VARCHAR NOT NULL, 
	occurrence INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	reason VARCHAR, 
	detail TEXT, 
	due_at DATETIME NOT NULL, 
	reached_at DATETIME NOT NULL, 
	try_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	attempts INTEGER NOT NULL, 
	claimed_by VARCHAR, 
	template VARCHAR NOT NULL, 
	topic VARCHAR, 
	topic_class VARCHAR NOT NULL, 
	channel VARCHAR NOT NULL, 
	recipient VARCHAR, 
	recipient_name VARCHAR, 
	locale VARCHAR, 
	timezone VARCHAR NOT NULL, 
	max_lateness_s INTEGER, 
	send_from VARCHAR, 
	send_until VARCHAR, 
	variables TEXT NOT NULL, 
	PRIMARY KEY (message_id)
);
INSERT INTO "messages" VALUES('334b9980e2f6bd9da751e7237e044513',1,'welcome','aacc2d0e21d5','6bfe892329d37991257aabc3b665cb15','c001','send:hello',1,'accepted',NULL,'hello-334b9980e2f6bd9da751e7237e044513.eml','2026-03-02 02:00:00.000000','2026-03-02 01:15:00.000000','2026-03-02 02:00:00.000000','2026-03-02 02:00:00.000000',1,NULL,'hello','service','transactional','file','c001@example.com','Name1',NULL,'Asia/Tokyo',345600,NULL,NULL,'{"customer":{"first_name":"Name1"}}');
INSERT INTO "messages" VALUES('3dad4bb2e1a976f358c22e627c877432',1,'welcome','aacc2d0e21d5','399f50596932b72af45f1cc2beea4184','c003','send:hello',1,'accepted',NULL,'hello-3dad4bb2e1a976f358c22e627c877432.eml','2026-03-02 02:00:00.000000','2026-03-01 03:15:00.000000','2026-03-02 02:00:00.000000','2026-03-02 02:00:00.000000',1,NULL,'hello','service','transactional','file','c003@example.com','Name3',NULL,'America/New_York',345600,NULL,NULL,'{"customer":{"first_name":"Name3"}}');
INSERT INTO "messages" VALUES('80e04857f5b326379de8f3a52fba3cc8',1,'wishes','50d11f3a3e9e','7ccb369a81c6d95d0d1172bdf0672dd3','c000','send:wishes',1,'accepted',NULL,'wishes-80e04857f5b326379de8f3a52fba3cc8.eml','2026-03-02 02:00:00.000000','2026-03-01 08:00:00.000000','2026-03-02 02:00:00.000000','2026-03-02 02:00:00.000000',1,NULL,'wishes','service','transactional','file','c000@example.com','Name0',NULL,'Europe/Berlin',345600,NULL,NULL,'{"customer":{"first_name":"Name0"}}');
INSERT INTO "messages" VALUES('aaf23e248b2d2753eac8d109b0340700',1,'welcome','aacc2d0e21d5','dacee8b83ba7405528595d389679f5cf','c006','send:hello',1,'accepted',NULL,'hello-aaf23e248b2d2753eac8d109b0340700.eml','2026-03-02 02:00:00.000000','2026-03-01 06:15:00.000000','2026-03-02 02:00:00.000000','2026-03-02 02:00:00.000000',1,NULL,'hello','service','transactional','file','c006@example.com','Name6',NULL,'UTC',345600,NULL,NULL,'{"customer":{"first_name":"Name6"}}');
INSERT INTO "messages" VALUES('efce928a9d35ce0805d40c2ae084e843',1,'wishes','50d11f3a3e9e','9aa8282ef921066ed92d8e187533bae0','c001','send:wishes',1,'accepted',NULL,'wishes-efce928a9d35ce0805d40c2ae084e843.eml','2026-03-02 02:00:00.000000','2026-03-02 00:00:00.000000','2026-03-02 02:00:00.000000','2026-03-02 02:00:00.000000',1,NULL,'wishes','service','transactional','file','c001@example.com','Name1',NULL,'Asia/Tokyo',345600,NULL,NULL,'{"customer":{"first_name":"Name1"}}');
INSERT INTO "messages" VALUES('01b51106a6cd4f61522d49d5db49390b',2,'welcome','aacc2d0e21d5','399f50596932b72af45f1cc2beea4184','c003','send:jazz',1,'accepted',NULL,'jazz-01b51106a6cd4f61522d49d5db49390b.eml','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000',1,NULL,'jazz','service','transactional','file','c003@example.com','Name3',NULL,'America/New_York',345600,NULL,NULL,'{"customer":{"first_name":"Name3"}}');
INSERT INTO "messages" VALUES('52bfc1e28c8c9ce5f6a9164e633e3565',2,'welcome','aacc2d0e21d5','dacee8b83ba7405528595d389679f5cf','c006','send:tips',1,'accepted',NULL,'tips-52bfc1e28c8c9ce5f6a9164e633e3565.eml','2026-03-03 02:00:00.000000','2026-03-02 10:00:00.000000','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000',1,NULL,'tips','service','transactional','file','c006@example.com','Name6',NULL,'UTC',345600,NULL,NULL,'{"customer":{"first_name":"Name6"}}');
INSERT INTO "messages" VALUES('642ee58e6b08afc37f2c863d34592af3',2,'welcome','aacc2d0e21d5','ddfbdb87125e2f5aa6b70196518c311e','c007','send:hello',1,'accepted',NULL,'hello-642ee58e6b08afc37f2c863d34592af3.eml','2026-03-03 02:00:00.000000','2026-03-02 07:15:00.000000','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000',1,NULL,'hello','service','transactional','file','c007@example.com','Name7',NULL,'America/New_York',345600,NULL,NULL,'{"customer":{"first_name":"Name7"}}');
INSERT INTO "messages" VALUES('c9e2807525b146615ea1a5f9c3c3ac8e',2,'welcome','aacc2d0e21d5','1dacdf098b0555a9486c46f4b0269af6','c004','send:hello',1,'accepted',NULL,'hello-c9e2807525b146615ea1a5f9c3c3ac8e.eml','2026-03-03 02:00:00.000000','2026-03-02 04:15:00.000000','2026-03-03 02:00:00.000000','2026-03-03 02:00:00.000000',1,NULL,'hello','service','transactional','file','c004@example.com','Name4',NULL,'Europe/Berlin',345600,NULL,NULL,'{"customer":{"first_name":"Name4"}}');
INSERT INTO "messages" VALUES('db1e180e085f44eb689966e8e1960ab5',2,'wishes','50d11f3a3e9e','339807f30afef77d3fb0071bdfd3eb3a','c002','send:wishes',1,'pending',NULL,NULL,'2026-03-03 09:00:00.000000','2026-03-03 09:00:00.000000','2026-03-03 09:00:00.000000','2026-03-03 02:00:00.000000',0,NULL,'wishes','service','transactional','file','c002@example.com','Name2',NULL,'UTC',345600,NULL,NULL,'{"customer":{"first_name":"Name2"}}');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('environment','development');
INSERT INTO "meta" VALUES('store_id','5674fefc258c5d988b4e8ea931761f5b');
INSERT INTO "meta" VALUES('link_key','921d3b9c');
INSERT INTO "meta" VALUES('link_key.921d3b9c','abababababababababababababababababababababababababababababababab');
CREATE TABLE suppressions (
	customer_id VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (customer_id, topic, reason)
);
CREATE TABLE tasks (
	task_id VARCHAR NOT NULL, 
	run INTEGER NOT NULL, 
	journey VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	enrollment_id VARCHAR NOT NULL, 
	customer_id VARCHAR NOT NULL, 
	step VARCHAR NOT NULL, 
	occurrence INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	reason VARCHAR, 
	detail TEXT, 
	try_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	team VARCHAR NOT NULL, 
	title TEXT NOT NULL, 
	due_at DATETIME, 
	done_at DATETIME, 
	variables TEXT NOT NULL, 
	PRIMARY KEY (task_id)
);
CREATE INDEX messages_claimed ON messages (claimed_by) WHERE state = 'claimed';
CREATE INDEX messages_of_pass ON messages (enrollment_id) WHERE state = 'pending';
CREATE INDEX messages_by_run ON messages (run, state);
CREATE INDEX messages_unsure ON messages (channel, message_id) WHERE state = 'unsure';
CREATE INDEX messages_due ON messages (try_at, message_id) WHERE state = 'pending';
CREATE INDEX tasks_due ON tasks (try_at) WHERE state = 'pending';
COMMIT;
