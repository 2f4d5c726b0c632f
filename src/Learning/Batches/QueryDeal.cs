using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>Deals whole queries to blocks: their order is random, their rows stay together.</summary>
internal static class QueryDeal
{
    /// <summary>Rows in dealt order, and where each block begins among them: blocks end behind the query that fills them.</summary>
    public static (int[] Places, int[] Starts) Deal(Dataset data, RowList rows, int rowCount, BlockPlan plan)
    {
        var firsts = new List<int>();
        for (int place = 0; place < rowCount; place++)
        {
            if (place == 0 || data.Query(rows[place]) != data.Query(rows[place - 1]))
                firsts.Add(place);
        }
        var order = new int[firsts.Count];
        RowOrder.Deal(plan.Seed, plan.Partition, order);
        var places = new int[rowCount];
        var starts = new List<int> { 0 };
        int dealt = 0;
        foreach (int query in order)
        {
            int end = query + 1 < firsts.Count ? firsts[query + 1] : rowCount;
            for (int place = firsts[query]; place < end; place++)
                places[dealt++] = place;
            if (dealt - starts[^1] >= plan.RowsPerBlock)
                starts.Add(dealt);
        }
        if (starts[^1] < rowCount)
            starts.Add(rowCount);
        return (places, [.. starts]);
    }
}
