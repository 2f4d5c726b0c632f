namespace DistSgd.Kernels.Tests;

/// <summary>The training runs as their documentation describes them, without any speed.</summary>
internal static class RunTwins
{
    public static void Sgd<TLoss>(Blocks block, int batch, float rate, float biasRate, int bias, float[] w, float[] scores)
        where TLoss : struct, ILossDerivative
    {
        for (var start = 0; start < block.Order.Length; start += batch)
        {
            var m = Math.Min(batch, block.Order.Length - start);
            Score(block, start, m, bias, w, 1, scores);
            for (var t = start; t < start + m; t++)
            {
                var row = block.Order[t];
                var g = default(TLoss).Derivative(scores[t], block.Labels[row]);
                if (g == 0f) continue;
                var a = -(rate / m) * g;
                SparseTwins.Axpy(a, block.IndicesOf(row), block.ValuesOf(row), w);
                if (bias >= 0) w[bias] = w[bias] + -(biasRate / m) * g;
            }
        }
    }

    public static void AdaGradOnline<TLoss>(Blocks block, float rate, float delta, int bias, float[] entries, float[] scores)
        where TLoss : struct, ILossDerivative
    {
        for (var t = 0; t < block.Order.Length; t++)
        {
            Score(block, t, 1, bias, entries, 2, scores);
            var row = block.Order[t];
            var g = default(TLoss).Derivative(scores[t], block.Labels[row]);
            if (g == 0f) continue;
            var values = block.ValuesOf(row);
            var indices = block.IndicesOf(row);
            for (var i = 0; i < values.Length; i++) Step(rate, delta, g * values[i], entries, (int)indices[i]);
            if (bias >= 0) Step(rate, delta, g, entries, bias);
        }
    }

    public static void AdaGradMiniBatch<TLoss>(Blocks block, int batch, float rate, float delta, int bias, float[] entries, float[] scores)
        where TLoss : struct, ILossDerivative
    {
        for (var start = 0; start < block.Order.Length; start += batch)
        {
            var m = Math.Min(batch, block.Order.Length - start);
            var gradient = new float[entries.Length / 2];
            var touched = new List<int>();
            Gradient<TLoss>(block, start, m, bias, entries, 2, scores, gradient, touched);
            foreach (var key in touched.Distinct()) Step(rate, delta, gradient[key] == 0f ? 0f : gradient[key], entries, key);
        }
    }

    public static void Gradient<TLoss>(
        Blocks block, int start, int m, int bias, float[] w, int stride, float[] scores, float[] gradient, List<int> touched)
        where TLoss : struct, ILossDerivative
    {
        Score(block, start, m, bias, w, stride, scores);
        for (var t = start; t < start + m; t++)
        {
            var row = block.Order[t];
            var g = default(TLoss).Derivative(scores[t], block.Labels[row]);
            if (g == 0f) continue;
            var c = g / m;
            SparseTwins.Axpy(c, block.IndicesOf(row), block.ValuesOf(row), gradient);
            foreach (var key in block.IndicesOf(row)) touched.Add((int)key);
            if (bias < 0) continue;
            gradient[bias] = gradient[bias] + c;
            touched.Add(bias);
        }
    }

    public static void Step(float rate, float delta, float g, float[] entries, int key)
    {
        entries[2 * key + 1] = MathF.FusedMultiplyAdd(g, g, entries[2 * key + 1]);
        entries[2 * key] = entries[2 * key] - (rate * g) / (delta + MathF.Sqrt(entries[2 * key + 1]));
    }

    private static void Score(Blocks block, int start, int m, int bias, float[] w, int stride, float[] scores)
    {
        for (var t = start; t < start + m; t++)
        {
            scores[t] = SparseTwins.Dot(w, block.IndicesOf(block.Order[t]), block.ValuesOf(block.Order[t]), stride);
            if (bias >= 0) scores[t] = scores[t] + w[bias * stride];
        }
    }
}
