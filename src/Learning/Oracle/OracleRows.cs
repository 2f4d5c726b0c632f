using DistSgd.Learning.Data;

namespace DistSgd.Learning.Oracle;

/// <summary>The rows as the oracle learns them: x' = (x − mean)/scale in each column, where columns are scaled. The trained parameters become those of x.</summary>
internal sealed class OracleRows(OracleJob job, Dataset data)
{
    private readonly uint[] _centred = [.. Enumerable.Range(0, job.Means.Count).Where(column => job.Means[column] != 0).Select(column => (uint)column)];

    /// <summary>A row's indices, ascending, and its values; a column with a mean is there also where the row has nothing.</summary>
    public (uint[] Indices, float[] Values) Row(int number)
    {
        SparseRow row = data.Row(number);
        if (job.Means.Count == 0)
            return (row.Indices.ToArray(), row.Values.ToArray());
        var values = new SortedDictionary<uint, float>();
        foreach (uint column in _centred)
            values[column] = 0;
        for (int k = 0; k < row.Indices.Length; k++)
            values[row.Indices[k]] = row.Values[k];
        foreach (uint column in values.Keys.ToArray())
            values[column] = (values[column] - job.Means[(int)column]) * job.InverseScales[(int)column];
        return ([.. values.Where(value => value.Value != 0).Select(value => value.Key)], [.. values.Values.Where(value => value != 0)]);
    }

    /// <summary>The parameters of x: w = w'/scale, b = b' − Σ w·mean, the sum in float64 in the order of the columns.</summary>
    public float[] ToOriginal(float[] parameters)
    {
        int outputs = job.Model.Outputs;
        for (int output = 0; output < outputs; output++)
        {
            double bias = parameters[job.Features * outputs + output];
            for (int column = 0; column < job.Means.Count; column++)
            {
                int key = column * outputs + output;
                parameters[key] *= job.InverseScales[column];
                bias -= (double)parameters[key] * job.Means[column];
            }
            parameters[job.Features * outputs + output] = (float)bias;
        }
        return parameters;
    }
}
