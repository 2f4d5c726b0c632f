namespace DistSgd.Learning.Preprocessing;

/// <summary>Applies a scaling to one row after another; holds the last row's result. One thread at a time.</summary>
/// <param name="scaling">Null: rows stay as they are.</param>
public sealed class RowTransform(FeatureScaling? scaling)
{
    private uint[] _indices = [];
    private float[] _values = [];
    private int _count;

    /// <summary>Indices of the last row's x', ascending.</summary>
    public ReadOnlySpan<uint> Indices => _indices.AsSpan(0, _count);

    /// <summary>Values of the last row's x'.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, _count);

    /// <summary>Takes a row.</summary>
    /// <param name="indices">Ascending; below the scaling's columns.</param>
    /// <param name="values">One an index.</param>
    public void Apply(ReadOnlySpan<uint> indices, ReadOnlySpan<float> values)
    {
        uint[] dense = scaling?.DenseColumns ?? [];
        int room = indices.Length + dense.Length;
        if (_indices.Length < room)
        {
            _indices = new uint[room * 2];
            _values = new float[room * 2];
        }
        _count = 0;
        if (scaling is null)
        {
            indices.CopyTo(_indices);
            values.CopyTo(_values);
            _count = indices.Length;
            return;
        }
        int next = 0;
        for (int i = 0; i < indices.Length; i++)
        {
            uint column = indices[i];
            for (; next < dense.Length && dense[next] < column; next++)
                Put(dense[next], 0f);
            if (next < dense.Length && dense[next] == column)
                next++;
            Put(column, values[i]);
        }
        for (; next < dense.Length; next++)
            Put(dense[next], 0f);
    }

    private void Put(uint column, float value)
    {
        float scaled = (value - scaling!.Means[(int)column]) * scaling.InverseScales[(int)column];
        if (scaled == 0)
            return;
        _indices[_count] = column;
        _values[_count++] = scaled;
    }
}
