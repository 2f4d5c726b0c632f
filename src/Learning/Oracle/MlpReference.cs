using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Oracle;

/// <summary>
/// A network in float64, one number at a time: the plain twin of <see cref="MlpNetwork"/>, sharing with it only where parameters lie and how dropout is drawn. Slow.
/// </summary>
/// <param name="shape">The network.</param>
/// <param name="factors">Dropout's factor of a hidden unit (layer, row, unit); null: no dropout.</param>
public sealed class MlpReference(MlpShape shape, Func<int, int, int, double>? factors = null)
{
    private const double Epsilon = BatchNormalization.Epsilon;

    private readonly MlpSpec _spec = shape.Spec;

    /// <summary>Mean loss of the rows, in training mode.</summary>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="rows">Dense rows.</param>
    /// <param name="labels">One a row.</param>
    /// <param name="weights">What each row counts; null: 1.</param>
    public double Loss(double[] parameters, double[][] rows, float[] labels, float[]? weights = null)
    {
        double[][] values = rows;
        foreach (MlpLayerShape layer in shape.Layers)
            values = Forward(layer, parameters, values).Results;
        double loss = 0;
        for (int i = 0; i < rows.Length; i++)
            loss += (weights?[i] ?? 1) * RowLoss(values[i], labels[i], null);
        return loss / rows.Length;
    }

    /// <summary>Gradient of the mean loss by the chain rule, in training mode; 0 for running statistics.</summary>
    /// <param name="parameters">The features' rows, then the tail.</param>
    /// <param name="rows">Dense rows.</param>
    /// <param name="labels">One a row.</param>
    /// <param name="weights">What each row counts; null: 1.</param>
    public double[] Gradient(double[] parameters, double[][] rows, float[] labels, float[]? weights = null)
    {
        var gradient = new double[parameters.Length];
        var traces = new List<Trace>();
        double[][] values = rows;
        foreach (MlpLayerShape layer in shape.Layers)
        {
            traces.Add(Forward(layer, parameters, values));
            values = traces[^1].Results;
        }
        double[][] slopes = [.. values.Select(scores => new double[scores.Length])];
        for (int i = 0; i < rows.Length; i++)
        {
            RowLoss(values[i], labels[i], slopes[i]);
            for (int j = 0; j < slopes[i].Length; j++)
                slopes[i][j] *= (weights?[i] ?? 1) / (double)rows.Length;
        }
        for (int l = traces.Count - 1; l >= 0; l--)
            slopes = Backward(shape.Layers[l], parameters, traces[l], slopes, gradient);
        return gradient;
    }

    private sealed record Trace(double[][] Inputs, double[][] Sums, double[][] Normalized, double[] Deviations, double[][] Results);

    private Trace Forward(MlpLayerShape layer, double[] parameters, double[][] inputs)
    {
        int tail = parameters.Length - shape.TailLength;
        double[][] sums = [.. inputs.Select(_ => new double[layer.Columns])];
        for (int i = 0; i < inputs.Length; i++)
        {
            for (int j = 0; j < layer.Columns; j++)
            {
                double sum = layer.IsNormalized ? 0 : parameters[tail + layer.Bias + j];
                for (int k = 0; k < inputs[i].Length; k++)
                    sum += inputs[i][k] * parameters[Weight(layer, tail, k, j)];
                sums[i][j] = sum;
            }
        }
        double[][] normalized = [];
        double[] deviations = [];
        if (layer.IsNormalized)
            (normalized, deviations, sums) = Normalize(layer, parameters, tail, sums);
        double[][] results = !layer.IsHidden ? sums : [.. sums.Select((row, i) => Activate(layer, row, i))];
        return new Trace(inputs, sums, normalized, deviations, results);
    }

    private static (double[][] Normalized, double[] Deviations, double[][] Sums) Normalize(MlpLayerShape layer, double[] parameters, int tail, double[][] sums)
    {
        double[][] normalized = [.. sums.Select(_ => new double[layer.Columns])];
        double[][] results = [.. sums.Select(_ => new double[layer.Columns])];
        var deviations = new double[layer.Columns];
        for (int j = 0; j < layer.Columns; j++)
        {
            double mean = sums.Average(row => row[j]);
            deviations[j] = Math.Sqrt(sums.Average(row => (row[j] - mean) * (row[j] - mean)) + Epsilon);
            for (int i = 0; i < sums.Length; i++)
            {
                normalized[i][j] = (sums[i][j] - mean) / deviations[j];
                results[i][j] = parameters[tail + layer.Gamma + j] * normalized[i][j] + parameters[tail + layer.Beta + j];
            }
        }
        return (normalized, deviations, results);
    }

    private double[] Activate(MlpLayerShape layer, double[] sums, int row)
    {
        var results = new double[layer.Units];
        for (int u = 0; u < layer.Units; u++)
        {
            double value = _spec.Activation == HiddenActivation.Maxout
                ? Enumerable.Range(0, _spec.Pieces).Max(piece => sums[piece * layer.Units + u])
                : Value(sums[u]);
            results[u] = value * (factors?.Invoke(layer.Number, row, u) ?? 1);
        }
        return results;
    }

    private double[][] Backward(MlpLayerShape layer, double[] parameters, Trace trace, double[][] slopes, double[] gradient)
    {
        int tail = parameters.Length - shape.TailLength;
        double[][] sumSlopes = !layer.IsHidden ? slopes : [.. trace.Sums.Select((sums, i) => Deactivate(layer, sums, slopes[i], i))];
        if (layer.IsNormalized)
            sumSlopes = Denormalize(layer, parameters, tail, trace, sumSlopes, gradient);
        double[][] inputSlopes = [.. trace.Inputs.Select(row => new double[row.Length])];
        for (int i = 0; i < sumSlopes.Length; i++)
        {
            for (int j = 0; j < layer.Columns; j++)
            {
                if (!layer.IsNormalized)
                    gradient[tail + layer.Bias + j] += sumSlopes[i][j];
                for (int k = 0; k < trace.Inputs[i].Length; k++)
                {
                    int weight = Weight(layer, tail, k, j);
                    gradient[weight] += trace.Inputs[i][k] * sumSlopes[i][j];
                    inputSlopes[i][k] += parameters[weight] * sumSlopes[i][j];
                }
            }
        }
        return inputSlopes;
    }

    private double[] Deactivate(MlpLayerShape layer, double[] sums, double[] slopes, int row)
    {
        var result = new double[layer.Columns];
        for (int u = 0; u < layer.Units; u++)
        {
            double slope = slopes[u] * (factors?.Invoke(layer.Number, row, u) ?? 1);
            if (_spec.Activation != HiddenActivation.Maxout)
            {
                result[u] = slope * Slope(sums[u]);
                continue;
            }
            int best = Enumerable.Range(0, _spec.Pieces).MaxBy(piece => sums[piece * layer.Units + u]);
            result[best * layer.Units + u] = slope;
        }
        return result;
    }

    private static double[][] Denormalize(MlpLayerShape layer, double[] parameters, int tail, Trace trace, double[][] slopes, double[] gradient)
    {
        double[][] result = [.. slopes.Select(_ => new double[layer.Columns])];
        for (int j = 0; j < layer.Columns; j++)
        {
            double sum = 0, weighted = 0;
            for (int i = 0; i < slopes.Length; i++)
            {
                sum += slopes[i][j];
                weighted += slopes[i][j] * trace.Normalized[i][j];
            }
            gradient[tail + layer.Beta + j] += sum;
            gradient[tail + layer.Gamma + j] += weighted;
            double scale = parameters[tail + layer.Gamma + j] / trace.Deviations[j];
            for (int i = 0; i < slopes.Length; i++)
                result[i][j] = scale * (slopes[i][j] - sum / slopes.Length - trace.Normalized[i][j] * weighted / slopes.Length);
        }
        return result;
    }

    private int Weight(MlpLayerShape layer, int tail, int input, int column) =>
        layer.Number == 0 ? input * shape.Width + column : tail + layer.Weights + input * layer.Columns + column;

    private double Value(double z) => _spec.Activation switch
    {
        HiddenActivation.Relu => Math.Max(0, z),
        HiddenActivation.LeakyRelu => z > 0 ? z : _spec.Constant * z,
        HiddenActivation.Elu => z > 0 ? z : _spec.Constant * (Math.Exp(z) - 1),
        HiddenActivation.Sigmoid => 1 / (1 + Math.Exp(-z)),
        _ => Math.Tanh(z),
    };

    private double Slope(double z) => _spec.Activation switch
    {
        HiddenActivation.Relu => z > 0 ? 1 : 0,
        HiddenActivation.LeakyRelu => z > 0 ? 1 : _spec.Constant,
        HiddenActivation.Elu => z > 0 ? 1 : _spec.Constant * Math.Exp(z),
        HiddenActivation.Sigmoid => Value(z) * (1 - Value(z)),
        _ => 1 - Math.Tanh(z) * Math.Tanh(z),
    };

    // A row's loss, and, if asked for, its derivative in the scores.
    private double RowLoss(double[] scores, float label, double[]? slope)
    {
        double loss = 0;
        int truth = (int)label;
        double total = scores.Sum(Math.Exp);
        for (int j = 0; j < scores.Length; j++)
        {
            double target = scores.Length == 1 ? label : j == truth ? 1 : 0;
            double violation = _spec.Head == MlpHead.Hinge && j != truth ? Math.Max(0, scores[j] - scores[truth] + 1) : 0;
            (double part, double derivative) = _spec.Head switch
            {
                MlpHead.Softmax => (j == truth ? Math.Log(total) - scores[j] : 0, Math.Exp(scores[j]) / total - (j == truth ? 1 : 0)),
                MlpHead.Hinge => (violation, violation > 0 ? 1 : 0),
                MlpHead.Squared => (0.5 * (scores[j] - target) * (scores[j] - target), scores[j] - target),
                _ => (Math.Log(1 + Math.Exp(-label * scores[j])), -label / (1 + Math.Exp(label * scores[j]))),
            };
            loss += part;
            if (slope is null)
                continue;
            slope[j] += derivative;
            if (violation > 0)
                slope[truth] -= 1;
        }
        return loss;
    }
}
