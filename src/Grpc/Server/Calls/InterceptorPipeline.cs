using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>Folds interceptors around a method, once; each call then gets its instances. Thread-safe.</summary>
internal sealed class InterceptorPipeline
{
    private readonly IReadOnlyList<Step> _steps;

    /// <summary>The outermost first.</summary>
    public InterceptorPipeline(IEnumerable<InterceptorRegistration> registrations) => _steps = [.. registrations.Select(registration => new Step(registration))];

    public UnaryServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(UnaryServerMethod<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class =>
        Fold(method, static (step, next) => (request, context) =>
            step.RunAsync(context, interceptor => interceptor.UnaryServerHandler(request, context, next)));

    public ClientStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(ClientStreamingServerMethod<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class =>
        Fold(method, static (step, next) => (requests, context) =>
            step.RunAsync(context, interceptor => interceptor.ClientStreamingServerHandler(requests, context, next)));

    public ServerStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(ServerStreamingServerMethod<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class =>
        Fold(method, static (step, next) => (request, responses, context) =>
            step.RunAsync(context, interceptor => interceptor.ServerStreamingServerHandler(request, responses, context, next)));

    public DuplexStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(DuplexStreamingServerMethod<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class =>
        Fold(method, static (step, next) => (requests, responses, context) =>
            step.RunAsync(context, interceptor => interceptor.DuplexStreamingServerHandler(requests, responses, context, next)));

    private TMethod Fold<TMethod>(TMethod method, Func<Step, TMethod, TMethod> wrap)
    {
        for (var i = _steps.Count - 1; i >= 0; i--)
            method = wrap(_steps[i], method);
        return method;
    }

    /// <summary>One interceptor's place in the pipeline.</summary>
    private sealed class Step(InterceptorRegistration registration)
    {
        private readonly Type _activatorType = ActivatorTypeOf(registration.Type);

        public async Task<T> RunAsync<T>(ServerCallContext context, Func<Interceptor, Task<T>> run)
        {
            var activator = ActivatorOf(context, out var services);
            var handle = activator.Create(services, registration);
            try
            {
                return await run(handle.Instance);
            }
            finally
            {
                await activator.ReleaseAsync(handle);
            }
        }

        public async Task RunAsync(ServerCallContext context, Func<Interceptor, Task> run)
        {
            var activator = ActivatorOf(context, out var services);
            var handle = activator.Create(services, registration);
            try
            {
                await run(handle.Instance);
            }
            finally
            {
                await activator.ReleaseAsync(handle);
            }
        }

        [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Interceptors are classes, which share one instantiation.")]
        private static Type ActivatorTypeOf([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type interceptor) =>
            typeof(IGrpcInterceptorActivator<>).MakeGenericType(interceptor);

        private IGrpcInterceptorActivator ActivatorOf(ServerCallContext context, out IServiceProvider services)
        {
            services = context.GetHttpContext().RequestServices;
            return (IGrpcInterceptorActivator)services.GetRequiredService(_activatorType);
        }
    }
}
