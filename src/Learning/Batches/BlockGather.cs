using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Batches;

/// <summary>Copies rows into a partition's block memory, block after block.</summary>
/// <param name="data">The data set.</param>
/// <param name="rows">The partition's rows.</param>
/// <param name="plan">How they are cut.</param>
/// <param name="memory">Takes the non-zeros.</param>
/// <param name="rowsMax">Rows of the largest block, if each is gathered over the one before (<see cref="Again"/>).</param>
internal sealed class BlockGather(Dataset data, RowList rows, BlockPlan plan, BlockMemory memory, int rowsMax = 0)
{
    private readonly KeyCompaction _compaction = new(plan.Features + 1);
    private readonly RowTransform _transform = new(plan.Scaling);
    private readonly Block _one = New(memory, plan, rowsMax);
    private long _nonZeros;

    /// <summary>A block behind the one before.</summary>
    public Block Next(int number, ReadOnlySpan<int> places) => Fill(New(memory, plan, places.Length), number, places);

    /// <summary>A block in the place of the one before.</summary>
    public Block Again(int number, ReadOnlySpan<int> places)
    {
        _nonZeros = 0;
        return Fill(_one, number, places);
    }

    private static Block New(BlockMemory memory, BlockPlan plan, int rows) => new(memory, BlockArrays.For(rows, plan)) { IsInOrder = plan.Order is RowOrderKind.Sequential or RowOrderKind.Interleaved || (plan.Order == RowOrderKind.LargestLoss && !plan.Streams) };

    private Block Fill(Block block, int number, ReadOnlySpan<int> places)
    {
        BlockArrays arrays = block.Arrays;
        long first = _nonZeros;
        for (int i = 0; i < places.Length; i++)
        {
            long row = rows[places[i]];
            SparseRow source = data.Row(row);
            int known = KnownFeatures(source.Indices);
            _nonZeros += Put(source.Indices[..known], source.Values[..known]);
            arrays.RowStarts[i + 1] = checked((int)(_nonZeros - first));
            arrays.Labels[i] = plan.Targets == TargetKind.ClassSet ? 0 : Target(source.Label, row);
            if (arrays.Weights.Length > 0)
                arrays.Weights[i] = plan.Weighting!.Of(data, plan.Labels, row);
        }
        if (plan.Targets == TargetKind.ClassSet)
            (arrays.ClassSetStarts, arrays.ClassSets) = ClassSets(places);
        if (plan.Targets == TargetKind.Rank)
            arrays.Queries = Queries(places);
        if (arrays.Places.Length > 0)
            places.CopyTo(arrays.Places);
        return block.Turn(number, first, places.Length, plan.Compact ? _compaction.Keys(memory.Indices.AsSpan(first, arrays.RowStarts[places.Length]), plan) : null);
    }

    private float Target(float label, long row)
    {
        float target = plan.Labels.ToLearning(label, row);
        return plan.TargetScaling?.ToLearning(target) ?? target;
    }

    private (int[] Starts, int[] Sets) ClassSets(ReadOnlySpan<int> places)
    {
        var starts = new int[places.Length + 1];
        var sets = new List<int>();
        for (int i = 0; i < places.Length; i++)
        {
            long row = rows[places[i]];
            foreach (float label in data.LabelSet(row))
                sets.Add(plan.Labels.ClassOf(label, row));
            starts[i + 1] = sets.Count;
        }
        return (starts, [.. sets]);
    }

    // A query's rows lie side by side in the list of rows, and so do their places.
    private int[] Queries(ReadOnlySpan<int> places)
    {
        var queries = new int[places.Length];
        for (int i = 1; i < places.Length; i++)
        {
            bool same = places[i] == places[i - 1] + 1 && data.Query(rows[places[i]]) == data.Query(rows[places[i - 1]]);
            queries[i] = queries[i - 1] + (same ? 0 : 1);
        }
        return queries;
    }

    private int Put(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        if (plan.Scaling is not null)
        {
            _transform.Apply(indices, values);
            indices = _transform.Indices;
            values = _transform.Values;
        }
        indices.CopyTo(memory.Indices.AsSpan(_nonZeros, indices.Length));
        values.CopyTo(memory.Values.AsSpan(_nonZeros, values.Length));
        return indices.Length;
    }

    // Indices ascend, so that unknown features are a row's tail.
    private int KnownFeatures(ReadOnlySpan<uint> indices)
    {
        if (indices.Length == 0 || indices[^1] < plan.Features)
            return indices.Length;
        int found = indices.BinarySearch((uint)plan.Features);
        return found < 0 ? ~found : found;
    }
}
