local who = std.extVar('who');
{ who: who, list: [who, 1] }
