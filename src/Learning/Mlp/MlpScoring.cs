using DistSgd.Kernels;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Mlp;

/// <summary>Scores rows of a data set, some hundred at a time. Holds scratch; one thread at a time.</summary>
internal sealed class MlpScoring(MlpShape shape) : IDisposable
{
    private const int RowsMax = 256;

    private readonly MlpNetwork _network = new(shape);
    private readonly int[] _starts = new int[RowsMax + 1];
    private readonly float[] _labels = new float[RowsMax];
    private readonly int[] _order = [.. Enumerable.Range(0, RowsMax)];
    private uint[] _indices = [];
    private float[] _values = [];

    /// <summary>Scores consecutive rows.</summary>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="data">Rows; features that the network doesn't know count as 0.</param>
    /// <param name="first">The first row.</param>
    /// <param name="scores">Filled with k scores a row.</param>
    /// <returns>Non-zeros left out.</returns>
    public long Score(ReadOnlySpan<float> parameters, Dataset data, long first, Span<float> scores)
    {
        int outputs = shape.Spec.Outputs, features = shape.Features(parameters.Length);
        long ignored = 0;
        for (int done = 0; done < scores.Length / outputs; done += RowsMax)
        {
            int count = Math.Min(RowsMax, scores.Length / outputs - done);
            for (int i = 0; i < count; i++)
                ignored += Gather(data.Row(first + done + i), features, i);
            var rows = new SparseRows(_starts.AsSpan(0, count + 1), _indices.AsSpan(0, _starts[count]), _values.AsSpan(0, _starts[count]), _labels.AsSpan(0, count));
            _network.Score(rows, _order.AsSpan(0, count), parameters, scores.Slice(done * outputs, count * outputs));
        }
        return ignored;
    }

    public void Dispose() => _network.Dispose();

    private int Gather(in SparseRow row, int features, int place)
    {
        int start = _starts[place], known = row.Indices.Length;
        // Indices ascend, so that unknown features are a row's tail.
        while (known > 0 && row.Indices[known - 1] >= features)
            known--;
        if (_indices.Length < start + known)
        {
            Array.Resize(ref _indices, Math.Max(2 * _indices.Length, start + known));
            Array.Resize(ref _values, _indices.Length);
        }
        row.Indices[..known].CopyTo(_indices.AsSpan(start));
        row.Values[..known].CopyTo(_values.AsSpan(start));
        _starts[place + 1] = start + known;
        return row.Indices.Length - known;
    }
}
