using DistSgd.Learning.Data;

namespace DistSgd.Learning.Batches;

/// <summary>Deals a partition's rows to blocks.</summary>
internal static class BlockDeal
{
    /// <summary>Places of the rows in dealt order, and where each block begins among them.</summary>
    public static (int[] Places, int[] Starts) Of(Dataset data, RowList rows, BlockPlan plan)
    {
        int count = rows.Count;
        if (plan.Targets == TargetKind.Rank)
            return QueryDeal.Deal(data, rows, count, plan);
        var places = new int[count];
        if (plan.Order == RowOrderKind.Sequential)
            Fill(places);
        else
            RowOrder.Deal(plan.Seed, plan.Partition, places);
        if (plan.Order == RowOrderKind.Interleaved)
            Interleave(data, rows, plan, places);
        int blocks = (int)(((long)count + plan.RowsPerBlock - 1) / plan.RowsPerBlock);
        return (places, [.. Enumerable.Range(0, blocks).Select(block => block * plan.RowsPerBlock), count]);
    }

    // The i-th of n rows of a class comes at (i + ½)/n of the whole.
    private static void Interleave(Dataset data, RowList rows, BlockPlan plan, int[] places)
    {
        var counts = new Dictionary<float, int>();
        foreach (int place in places)
        {
            float label = Label(place);
            counts[label] = counts.GetValueOrDefault(label) + 1;
        }
        var seen = new Dictionary<float, int>();
        var keys = new (double At, float Label)[places.Length];
        for (int i = 0; i < places.Length; i++)
        {
            float label = Label(places[i]);
            int before = seen.GetValueOrDefault(label);
            seen[label] = before + 1;
            keys[i] = ((before + 0.5) / counts[label], label);
        }
        Array.Sort(keys, places);

        float Label(int place) => plan.Labels.ToLearning(data.Label(rows[place]), rows[place]);
    }

    internal static void Fill(Span<int> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = i;
    }
}
