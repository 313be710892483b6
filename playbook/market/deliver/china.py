"""The Chinese office's CRM: headers, places and some names in Chinese, GB18030, China's time."""

from __future__ import annotations

import pandas as pd

from .delivery import Delivery, of_none
from .writing import csv_bytes, write_bytes

__all__ = ["CITIES", "COUNTRIES", "REGIONS", "write_china"]

FILE = "客户列表.csv"
COUNTRIES = {"DE": "德国", "SE": "瑞典", "GB": "英国", "CN": "中国"}
CITIES = {
    "Hamburg": "汉堡", "Berlin": "柏林", "Munich": "慕尼黑", "Cologne": "科隆", "Lüneburg": "吕讷堡",
    "Itzehoe": "伊策霍", "Leipzig": "莱比锡", "Straubing": "施特劳宾", "Stockholm": "斯德哥尔摩",
    "Göteborg": "哥德堡", "Malmö": "马尔默", "Täby": "泰比", "Uppsala": "乌普萨拉", "Kalmar": "卡尔马",
    "London": "伦敦", "Manchester": "曼彻斯特", "Leeds": "利兹", "Guildford": "吉尔福德",
    "Exeter": "埃克塞特", "Edinburgh": "爱丁堡", "Shanghai": "上海", "Shenzhen": "深圳",
}  # fmt: skip
REGIONS = {
    "Hamburg": "汉堡州", "Berlin": "柏林州", "Bavaria": "巴伐利亚州", "North Rhine-Westphalia": "北莱茵-威斯特法伦州",
    "Lower Saxony": "下萨克森州", "Schleswig-Holstein": "石勒苏益格-荷尔斯泰因州", "Saxony": "萨克森州",
    "Stockholm": "斯德哥尔摩省", "Västra Götaland": "西约塔兰省", "Skåne": "斯科讷省", "Uppsala": "乌普萨拉省",
    "Kalmar": "卡尔马省", "Greater London": "大伦敦", "Greater Manchester": "大曼彻斯特",
    "West Yorkshire": "西约克郡", "Surrey": "萨里郡", "Devon": "德文郡", "Scotland": "苏格兰",
    "Shanghai": "上海市", "Guangdong": "广东省",
}  # fmt: skip
ONLY_HERE = (
    ("王伟", "wang.wei"), ("李娜", "li.na"), ("张敏", "zhang.min"), ("刘洋", "liu.yang"), ("陈静", "chen.jing"),
    ("杨磊", "yang.lei"), ("赵丽", "zhao.li"), ("黄强", "huang.qiang"), ("周芳", "zhou.fang"), ("吴军", "wu.jun"),
    ("徐婷", "xu.ting"), ("孙浩", "sun.hao"), ("马超", "ma.chao"), ("朱琳", "zhu.lin"), ("胡斌", "hu.bin"),
    ("郭雪", "guo.xue"), ("何鹏", "he.peng"), ("高洁", "gao.jie"), ("林峰", "lin.feng"), ("欧阳雨", "ouyang.yu"),
)  # fmt: skip
"""Prospects of the Chinese office, whom no other system knows."""


def write_china(delivery: Delivery) -> None:
    """Write the customers whom the Chinese office looks after, and its own prospects."""
    own = pd.concat([delivery.records("fxiaoke"), _prospects(delivery)], ignore_index=True)
    shanghai = own["acquired_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Shanghai")
    frame = pd.DataFrame(
        {
            "客户编号": own["system_id"],
            "客户名称": own["name"],
            "公司名称": of_none(own["company"]),
            "手机": of_none(own["phone"]),
            "邮件": of_none(own["email"]),
            "出生日期": of_none(own["birth_date"].dt.strftime("%Y年%m月%d日")),
            "国家": own["country"].map(COUNTRIES),
            "省": own["region"].map(REGIONS),
            "市": own["city"].map(CITIES),
            "邮政编码": of_none(own["postcode"]),
            "地址": of_none(own["street"]),
            "生命状态": "正常",
            "负责人": ["李明" if i % 3 else "周婷" for i in range(len(own))],
            "创建时间": shanghai.dt.strftime("%Y-%m-%d %H:%M:%S"),
        }
    )
    write_bytes(delivery.folder / FILE, csv_bytes(frame, encoding="gb18030", end="\r\n"))


def _prospects(delivery: Delivery) -> pd.DataFrame:
    end = delivery.tables["orders"]["ordered_at"].max()
    rows = []
    for number, (name, mail) in enumerate(ONLY_HERE):
        shanghai = number % 3 > 0
        rows.append(
            {
                "system": "fxiaoke", "system_id": f"6600c0ffee{number:014x}", "name": name,
                "customer_id": f"CN{number + 1:04d}", "email": f"{mail}{10 + number}@example.com", "country": "CN",
                "region": "Shanghai" if shanghai else "Guangdong", "city": "Shanghai" if shanghai else "Shenzhen",
                "postcode": "200000" if shanghai else "518000", "birth_date": pd.NaT,
                "acquired_at": (end - pd.Timedelta(days=17 * number + 9)).floor("s"),
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    delivery.plant("customer of no other system", FILE, len(frame))
    delivery.know(frame[["system", "system_id", "customer_id"]].assign(faults=0, former_name=False))
    return frame
